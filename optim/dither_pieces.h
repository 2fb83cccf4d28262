// Where a value lies between two codes: y(x) for x in [0, 1] with y(value of magnitude M) = M and straight
// lines between. Eight pieces of two lines each are enough for every book: in the dynamic ones a piece is
// the gap below a decade and the decade; below the last gap, which has a piece of its own, y is concave, so
// that the lower of the two lines counts.
#pragma once

#include "core/host_device.h"
#include "optim/codebook.h"

namespace octet::optim {

struct DitherPieces {
  static constexpr int kPieces = 8;
  // Arrays are repeated once, so that a vector of 16 lanes can be loaded from them.
  alignas(64) float threshold[2 * kPieces];  // x at or above it belongs to the next piece
  alignas(64) float slope[2 * kPieces];
  alignas(64) float offset[2 * kPieces];
  alignas(64) float gap_slope[2 * kPieces];
  alignas(64) float gap_offset[2 * kPieces];
};

const DitherPieces& dither_pieces(Book book, Map map);

// y(x), to 2e-5. Products and sums are not fused, so that every device gets the same.
OCTET_HD inline float dither_place(const DitherPieces& pieces, float x) {
  int piece = 0;
  for (int i = 0; i < DitherPieces::kPieces - 1; ++i) piece += x >= pieces.threshold[i] ? 1 : 0;
  const float y = pieces.slope[piece] * x + pieces.offset[piece];
  const float gap = pieces.gap_slope[piece] * x + pieces.gap_offset[piece];
  return y < gap ? y : gap;
}

// The code of n, a finite value divided by its block's largest (and not negative in the unsigned book), with
// noise in [-1/2, 1/2): this is the definition. Under `floor` a positive n gets the code of a positive value,
// in the unsigned book.
template <Book kBook, Map kMap>
OCTET_HD uint8_t dithered_code(const DitherPieces& pieces, float n, float noise, bool floor) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest whole number
  constexpr auto kTop = static_cast<float>(top_magnitude(kBook, kMap));
  const bool negative = n < 0;
  const float y = dither_place(pieces, negative ? -n : n) + noise;
  int m = static_cast<int>(((y < kTop ? y : kTop) + kShift) - kShift);
  if constexpr (kBook == Book::Unsigned) {
    if (floor && m < 1) m = 1;
    return static_cast<uint8_t>(n > 0 ? m : 0);
  } else {
    constexpr int kZero = zero_code(kBook, kMap);
    const int index = negative ? kZero - m : kZero + m;
    return static_cast<uint8_t>(index > 0 ? index : 0);  // there may be no -1.0
  }
}

}  // namespace octet::optim
