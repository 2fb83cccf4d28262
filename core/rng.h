// Random streams. A stream is a key and a position; it is passed to whoever draws, never global, and is split
// by name, so that what one consumer draws does not depend on what another drew before.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "core/philox.h"

namespace octet {

class Rng {
 public:
  explicit Rng(uint64_t seed);
  // Restores a stream from a checkpoint.
  Rng(uint64_t key, uint64_t position) : key_(key), position_(position) {}

  // A stream of its own for `purpose` (FNV-1a of the name mixed into the key); this stream does not move.
  Rng split(std::string_view purpose) const;

  uint64_t key() const { return key_; }
  uint64_t position() const { return position_; }  // in blocks of four 32-bit words

  // Reserves `n` words and returns the first block; word i is philox_block(key, first + i / 4)[i % 4].
  uint64_t draw(int64_t n);

  uint32_t next_u32();                      // one word, uses up a block
  uint64_t below(uint64_t n);               // uniform in [0, n), unbiased; n > 0
  double uniform();                         // [0, 1), 53 bits
  std::pair<double, double> normal_pair();  // independent, of mean 0 and variance 1
  template <class It>
  void shuffle(It first, It last) {  // Fisher-Yates
    for (auto n = last - first; n > 1; --n) std::swap(first[n - 1], first[below(static_cast<uint64_t>(n))]);
  }

  bool operator==(const Rng&) const = default;

 private:
  uint64_t next_u64();

  uint64_t key_;
  uint64_t position_ = 0;
};

}  // namespace octet
