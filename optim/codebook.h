// The code books of quantized state, and the exact answer to "which code is nearest".
//
// A book is a sorted list of float32 values in [-1, 1] (signed) or [0, 1] (unsigned, for states that are
// never negative). All are handled by magnitude: M = 0 for zero, 1..top for the positive values in order. In
// a signed book value M stands at index zero + M and its negative at zero - M; where there is one index too
// few, the largest negative value is missing, and its nearest is the next one. In an unsigned book M is the
// index.
#pragma once

#include <array>
#include <cstdint>

namespace octet::optim {

enum class Book : uint8_t { Signed, Unsigned };

enum class Map : uint8_t {
  // For each decade 10^-6 .. 10^0 the midpoints of equal cells of [0.1, 1], twice as many cells a decade
  // (from
  // one, or two in the unsigned book), plus 0 and 1. Source: Dettmers et al., "8-bit Optimizers via
  // Block-wise
  // Quantization", ICLR 2022; the values are bit for bit those that the bitsandbytes library builds, which
  // fixes the float32 operations in codebook.cpp.
  Dynamic,
  // The unsigned book as releases 0.36.0 to 0.41.0 of that library built it: 524 values, of which the lowest
  // 256 were used, so that the largest is 0.0933. The signed book is Dynamic's.
  DynamicV036,
  Linear,  // 0, 1/127, .. 1 with both signs, or 0, 1/255, .. 1
  Powers4  // 0 and 2^-6 .. 1 with both signs, or 0 and 2^-14 .. 1: see codecs/blockwise4.h
};
constexpr int kMaps = 4;

constexpr int kDecades = 7;

struct Codebook {
  Book book;
  int zero;                      // the index of 0
  int top;                       // the largest magnitude
  int top_negative;              // the largest magnitude of a negative value, 0 in the unsigned book
  std::array<float, 256> value;  // by index, ascending; indices that no value needs hold the largest
  // lower[M] is the smallest float that is encoded as magnitude M or more, for M = 1..top: the real midpoint
  // of values M-1 and M, rounded up to a float, or the float after it where the midpoint is a float and the
  // tie goes to M-1 because that index is even. lower[0] = 0.
  std::array<float, 256> lower;

  int index(int magnitude, bool negative = false) const {
    return negative ? zero - magnitude : zero + magnitude;
  }
};

// Built once, at the first call.
const Codebook& codebook(Book book, Map map = Map::Dynamic);

// The index of 0, which is what state begins with.
constexpr int zero_code(Book book, Map map) {
  return book == Book::Unsigned ? 0 : map == Map::Powers4 ? 7 : 127;
}

// The largest magnitude.
constexpr int top_magnitude(Book book, Map map) {
  if (map == Map::Powers4) return book == Book::Signed ? 7 : 15;
  return book == Book::Unsigned ? 255 : map == Map::Linear ? 127 : 128;
}

// The magnitude of the value nearest to x in [0, 1], ties to the even index; values above 1 and NaN give top.
// This is the definition; the vector code must agree with it on every float.
int nearest_magnitude(const Codebook& book, float x);

// The index of the value nearest to x. NaN is encoded like an infinity with its sign; a negative x in the
// unsigned book is encoded as 0.
uint8_t nearest_code(const Codebook& book, float x);

// Encoding by the dynamic books without a search: the magnitude of x is, but for rounding, the integer part
// of min(slope * x + offset, limit), with one such line a decade. A first guess at the decade, from the bits
// of x, is at most one too low; the threshold of the guessed decade repairs it exactly. `limit` keeps the end
// of a decade's range, which is wider than its cells, on its last magnitude. Arrays are repeated once, so
// that a vector of 16 lanes can be loaded from them.
//
// Offset and limit include line_base(book), which puts the magnitude into the same bits of every float, and
// kLineTolerance: so what rounding may have moved over a border lies, on either side of it, less than twice
// that above an integer. There the exact border decides; that is one value in several thousand.
struct LinearPieces {
  static constexpr int kPieces = 8;          // seven decades and the value 1
  alignas(64) float threshold[2 * kPieces];  // x at or above it belongs to the next piece
  alignas(64) float slope[2 * kPieces];
  alignas(64) float offset[2 * kPieces];
  alignas(64) float limit[2 * kPieces];
};

// With it the magnitude is the lowest bit of the exponent and the first seven of the mantissa, or the first
// eight of the mantissa.
constexpr float line_base(Book book) { return book == Book::Signed ? 128.0f : 256.0f; }
constexpr float kLineTolerance = 1.0f / 8192;

// Guess of the piece of x: round(bits(x) * kPieceScale + kPieceOffset), at least 0. The bits of a float, read
// as an integer, are a broken line through 2^23 * (127 + log2 x), at most 0.09 * 2^23 below it, and a decade
// is 3.32 of log2 x. The offset is whole, so that it can be part of the constant that rounds.
constexpr float kPieceScale = 0.298f / 8388608.0f;
constexpr float kPieceOffset = -32.0f;

const LinearPieces& linear_pieces(Book book);

}  // namespace octet::optim
