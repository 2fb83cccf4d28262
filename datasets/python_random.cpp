#include "datasets/python_random.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "core/error.h"

namespace octet {
namespace {

// init_by_array of the authors' mt19937ar.c as a seed sequence: generate() fills in the engine's whole state.
// The standard fixes how an engine takes it over, so this works with every standard library.
struct InitByArray {
  using result_type = uint32_t;
  std::vector<uint32_t> key;

  template <class It>
  void generate(It first, It last) const {
    const size_t n = static_cast<size_t>(last - first);  // 624
    std::vector<uint32_t> state(n);
    state[0] = 19650218u;
    const auto mixed = [&](size_t i) { return state[i - 1] ^ (state[i - 1] >> 30); };
    for (size_t i = 1; i < n; ++i) state[i] = 1812433253u * mixed(i) + static_cast<uint32_t>(i);
    size_t i = 1, j = 0;
    const auto advance = [&] {
      if (++i == n) {
        state[0] = state[n - 1];
        i = 1;
      }
    };
    for (size_t k = std::max(n, key.size()); k > 0; --k) {
      state[i] = (state[i] ^ (mixed(i) * 1664525u)) + key[j] + static_cast<uint32_t>(j);
      advance();
      if (++j == key.size()) j = 0;
    }
    for (size_t k = n - 1; k > 0; --k) {
      state[i] = (state[i] ^ (mixed(i) * 1566083941u)) - static_cast<uint32_t>(i);
      advance();
    }
    state[0] = 0x80000000u;
    std::copy(state.begin(), state.end(), first);
  }
};

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) {
  InitByArray sequence;  // the key is the seed in 32-bit digits, lowest first, without leading zeros
  sequence.key.push_back(static_cast<uint32_t>(seed));
  if (seed >> 32) sequence.key.push_back(static_cast<uint32_t>(seed >> 32));
  engine_.seed(sequence);
}

uint32_t PythonRandom::bits(int count) {
  require(count >= 1 && count <= 32, "PythonRandom::bits: ", count, " is not in 1 to 32");
  return static_cast<uint32_t>(engine_()) >> (32 - count);
}

uint32_t PythonRandom::below(uint32_t n) {
  require(n > 0, "PythonRandom::below: the range is empty");
  const int width = std::bit_width(n);  // of n and not of n - 1, as Python does
  uint32_t value = bits(width);
  while (value >= n) value = bits(width);
  return value;
}

std::vector<int32_t> PythonRandom::permutation(int32_t n) {
  require(n >= 0, "PythonRandom::permutation: negative count ", n);
  std::vector<int32_t> pool(static_cast<size_t>(n)), drawn;
  std::iota(pool.begin(), pool.end(), 0);
  drawn.reserve(pool.size());
  while (!pool.empty()) {
    const uint32_t j = below(static_cast<uint32_t>(pool.size()));
    drawn.push_back(pool[j]);
    pool[j] = pool.back();  // the last one moves into the gap
    pool.pop_back();
  }
  return drawn;
}

}  // namespace octet
