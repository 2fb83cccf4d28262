// Where a value lies between two codes: y(x) for x in [0, 1] with y(value of magnitude M) = M and straight
// lines between. Eight pieces of two lines each are enough for every book: in the dynamic ones a piece is
// the gap below a decade and the decade; below the last gap, which has a piece of its own, y is concave, so
// that the lower of the two lines counts.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/codebook.h"

namespace octet::optim {

struct DitherPieces {
  static constexpr int kPieces = 8;
  // Arrays are repeated once, so that a vector of 16 lanes can be loaded from them.
  alignas(64) float threshold[2 * kPieces];  // x at or above it belongs to the next piece
  // Of both lines, y + 256: so the lower 23 bits of the float are y in units of 2^-15.
  alignas(64) float slope[2 * kPieces];
  alignas(64) float offset[2 * kPieces];
  alignas(64) float gap_slope[2 * kPieces];
  alignas(64) float gap_offset[2 * kPieces];
};

const DitherPieces& dither_pieces(Book book, Map map);

constexpr float kPlaceBase = 256.0f;  // what is added to y
constexpr int kPlaceBits = 15;        // of y's fraction

// y(x) + 256, for x in [0, 1] or an ulp above. The multiply-adds are fused on every device.
OCTET_HD inline float dither_place(const DitherPieces& pieces, float x) {
  int piece = 0;
  for (int i = 0; i < DitherPieces::kPieces - 1; ++i) piece += x >= pieces.threshold[i] ? 1 : 0;
  const float y = std::fma(pieces.slope[piece], x, pieces.offset[piece]);
  const float gap = std::fma(pieces.gap_slope[piece], x, pieces.gap_offset[piece]);
  return y < gap ? y : gap;
}

// The magnitude at a place, rounded up with the odds of its fraction. noise: 32 bits.
OCTET_HD inline int dithered_magnitude(float place, uint32_t noise) {
  return static_cast<int>((std::bit_cast<uint32_t>(place) + (noise >> (32 - kPlaceBits))) >> kPlaceBits &
                          255);
}

// The same for powers of two, least .. 1 (magnitude `top`): between two of them a float's mantissa is what
// the pieces are for other books, so the noise is added to its bits. From 0 to the least one goes the octave
// below it: there, and only there, the mean of x and the least is more than x. x: at most 1 (and an ulp).
constexpr float power_of_two(int exponent) { return std::bit_cast<float>((127 + exponent) << 23); }
OCTET_HD inline float power_place(float x, float least) {
  return std::fmax(x, std::fma(x, 0.5f, 0.5f * least));
}
OCTET_HD inline int dithered_power(float x, float least, int top, uint32_t noise) {
  const uint32_t noisy = std::bit_cast<uint32_t>(power_place(x, least)) + (noise >> 9);
  const int m = static_cast<int>(noisy >> 23) - 127 + top;
  return m < top ? m : top;
}

// The code of n, a finite value divided by its block's largest (and not negative in the unsigned book): this
// is the definition. Under `floor` a positive n gets the code of a positive value, in the unsigned book.
template <Book kBook, Map kMap>
OCTET_HD uint8_t dithered_code(const DitherPieces& pieces, float n, uint32_t noise, bool floor) {
  const bool negative = n < 0;
  const float x = negative ? -n : n;
  constexpr int kTop = top_magnitude(kBook, kMap);
  const int m = kMap == Map::Powers4 ? dithered_power(x, power_of_two(1 - kTop), kTop, noise)
                                     : dithered_magnitude(dither_place(pieces, x), noise);
  if constexpr (kBook == Book::Unsigned) {
    return static_cast<uint8_t>(n > 0 ? (floor && m < 1 ? 1 : m) : 0);
  } else {
    constexpr int kZero = zero_code(kBook, kMap);
    const int index = negative ? kZero - m : kZero + m;
    return static_cast<uint8_t>(index > 0 ? index : 0);  // there may be no -1.0
  }
}

}  // namespace octet::optim
