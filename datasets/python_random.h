// The random numbers of CPython's `random` module, so that splits drawn there years ago can be drawn again:
// MT19937 (Matsumoto and Nishimura 1998) seeded by init_by_array, and the ways in which Python takes integers
// and samples from it. Only for that: everything of octet's own draws from core/rng.h.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace octet {

class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);  // random.seed(seed)

  uint32_t bits(int count);    // random.getrandbits(count), 1 to 32
  uint32_t below(uint32_t n);  // random.randrange(n); n > 0
  // random.sample(range(n), n): for a sample of all, Python always takes its pool algorithm.
  std::vector<int32_t> permutation(int32_t n);

 private:
  std::mt19937 engine_;
};

}  // namespace octet
