#include "datasets/numpy_random.h"

#include <bit>
#include <numeric>

namespace octet {

uint32_t NumpyRandom::up_to(uint32_t most) {
  if (most == 0) return 0;  // draws nothing, as NumPy
  const uint32_t mask = UINT32_MAX >> std::countl_zero(most);
  uint32_t value = static_cast<uint32_t>(engine_()) & mask;
  while (value > most) value = static_cast<uint32_t>(engine_()) & mask;
  return value;
}

std::vector<int32_t> NumpyRandom::permutation(int32_t n) {
  std::vector<int32_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order);
  return order;
}

}  // namespace octet
