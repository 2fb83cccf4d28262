// What the generated corpora (generator.h) are made of: an invented language, and draws from it. Integer
// arithmetic throughout, so that a seed gives the same texts on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/rng.h"

namespace octet {

// Draws 0..n-1 with weights 1/(i + 3).
class Zipf {
 public:
  explicit Zipf(size_t n);
  size_t draw(Rng& rng) const;

 private:
  std::vector<uint64_t> sums_;
};

// True `percent` times out of a hundred.
bool chance(Rng& rng, uint64_t percent);

// Different words made of syllables; the first ones, meant to be the most frequent, are shorter.
std::vector<std::string> invent_words(Rng rng, size_t count);

// Lengths at the 0, 10, 25, 50, 75, 90, 99 and 100 % points of a distribution, and a draw from it, linear in
// between.
using LengthPoints = std::array<int, 8>;
int64_t draw_length(Rng& rng, const LengthPoints& points);

}  // namespace octet
