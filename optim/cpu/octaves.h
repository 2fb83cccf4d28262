// Which of eight pieces of [0, 1] a float belongs to, by its exponent: what AVX-512 looks up in one
// instruction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace octet::optim {

// From 2^-31, below every threshold, up to 2. In an octave there is one threshold at most: thresholds are a
// decade apart, but for the last, which is followed by none below 2.
struct Octaves {
  static constexpr float kLeast = 0x1p-31f;
  static constexpr int32_t kCount = 32, kOctave = 1 << 23, kPiece = 1 << 28;
  // What the bits of a float lack to the number of its piece in bits 28 to 30, below the sign. In an octave
  // with a threshold they carry into that number from there on.
  alignas(64) int32_t missing[kCount];

  // threshold: [7], ascending; floats from the i-th on belong to piece i + 1.
  explicit Octaves(const float* threshold) {
    for (int32_t i = 0; i < kCount; ++i) {
      const int32_t first = std::bit_cast<int32_t>(kLeast) + i * kOctave;
      int32_t piece = 0, from = first;
      for (; piece < 7 && std::bit_cast<int32_t>(threshold[piece]) < first + kOctave; ++piece)
        from = std::max(first, std::bit_cast<int32_t>(threshold[piece]));
      missing[i] = piece * kPiece - from;
    }
  }

  // x: not negative, below 2. The look-up takes the lowest five bits of the exponent, which are 0 at kLeast.
  int32_t piece(float x) const {
    const auto bits = std::bit_cast<int32_t>(std::max(x, kLeast));
    return (bits + missing[bits >> 23 & (kCount - 1)]) / kPiece;
  }
};

}  // namespace octet::optim
