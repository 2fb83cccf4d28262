// The lines of LinearPieces with both signs, for look-ups in tables of 16: what AVX-512 encodes signed values
// by. y = slope * x + offset is, but for rounding, 256 and the code of x above its fraction, where x is first
// limited to the last value of its piece.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "optim/codebook.h"
#include "optim/cpu/octaves.h"

namespace octet::optim {

struct SignedLines {
  static constexpr int kPieces = LinearPieces::kPieces;
  static constexpr int kBits = 15;  // of y's fraction: those below the code
  // Of these bits one is set in any y that is twice kLineTolerance or more above an integer. Of another the
  // code may be one too high.
  static constexpr int32_t kFar = 0x7FFF & ~(static_cast<int32_t>(2 * kLineTolerance * (1 << kBits)) - 1);

  Octaves octaves{linear_pieces(Book::Signed).threshold};
  // [piece], and [8 + piece] for negative x
  alignas(64) float slope[2 * kPieces], offset[2 * kPieces], last[2 * kPieces];

  SignedLines() {
    const LinearPieces& pieces = linear_pieces(Book::Signed);
    const Codebook& book = codebook(Book::Signed);
    const double tolerance{kLineTolerance}, zero = 256.5 + book.zero + tolerance;
    for (int p = 0; p < kPieces; ++p) {
      slope[p] = slope[kPieces + p] = pieces.slope[p];
      // Half a code above the magnitude at x, so that it lies on both sides of it.
      const double at_zero = double{pieces.offset[p]} - double{line_base(Book::Signed)} - tolerance - 0.5;
      offset[p] = static_cast<float>(zero + at_zero);
      offset[kPieces + p] = static_cast<float>(zero - at_zero);
      const float largest = std::fmin(std::nextafterf(pieces.threshold[p], 0.0f), 1.0f);
      last[p] = last[kPieces + p] = book.value[nearest_code(book, largest)];
    }
    offset[2 * kPieces - 1] = 256.5f;  // there is no -1
  }

  // y(x). x: at most 1 (and an ulp) large.
  float place(float x) const {
    const float magnitude = std::fabs(x);
    const int line = octaves.piece(magnitude) + (std::signbit(x) ? kPieces : 0);
    return std::fma(slope[line], std::copysign(std::fmin(magnitude, last[line]), x), offset[line]);
  }
  // Whether the integer part of a place is the code for certain.
  static bool is_far(float place) { return (std::bit_cast<int32_t>(place) & kFar) != 0; }

  // Of a `code` that is the one of x or one too high: whether it is.
  static bool is_high(const Codebook& book, uint8_t code, float x) {
    const int magnitude = code - book.zero;
    if (magnitude > 0) return x < book.lower[static_cast<size_t>(magnitude)];
    return magnitude > -book.top_negative && -x >= book.lower[static_cast<size_t>(1 - magnitude)];
  }
};

}  // namespace octet::optim
