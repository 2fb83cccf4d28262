// The code books as kernels use them.
#pragma once

#include "cuda/context.h"
#include "optim/code_cells.h"
#include "optim/dither_pieces.h"

namespace octet::cuda {

// optim::dithered_code with two look-ups in place of the search for the piece: an octave has one threshold at
// most. The lines of all pieces fill the 32 banks of shared memory once, so lanes that want different ones do
// not wait for each other.
template <optim::Map kMap>
struct DitherTable {
  static constexpr int kOctaves = 128;  // the last begins with 1
  struct Cell {
    float threshold;  // x at or above it belongs to the next piece
    int piece;
  };
  struct alignas(16) Lines {
    float slope, offset, gap_slope, gap_offset;
  };
  Lines line[optim::DitherPieces::kPieces];
  alignas(16) Cell cell[kOctaves];

  // In the lowest byte. least: 1 if a positive n must get the code of a positive value in the unsigned book,
  // else 0.
  template <optim::Book kBook>
  OCTET_HD uint32_t code(float n, uint32_t noise, int32_t least) const {
    const auto bits = std::bit_cast<int32_t>(n);
    const float x = kBook == optim::Book::Signed ? std::fabs(n) : n;
    const Cell c = cell[std::bit_cast<uint32_t>(x) >> 23];
    const Lines l = line[c.piece + (x >= c.threshold ? 1 : 0)];
    const float y = std::fma(l.slope, x, l.offset), gap = std::fma(l.gap_slope, x, l.gap_offset);
    constexpr int32_t kBase = std::bit_cast<int32_t>(optim::kPlaceBase) >> optim::kPlaceBits;
    const auto m = static_cast<int32_t>(
        (std::bit_cast<uint32_t>(y < gap ? y : gap) + (noise >> (32 - optim::kPlaceBits))) >>
        optim::kPlaceBits);  // kBase more than the magnitude
    if constexpr (kBook == optim::Book::Unsigned) {
      // As a number, the bits of a positive float are 1 or more.
      const int32_t floor = kBase + (bits < least ? bits : least);
      return static_cast<uint32_t>(m > floor ? m : floor);
    } else {
      constexpr int kZero = optim::zero_code(kBook, kMap);
      const int32_t index = bits < 0 ? kZero + kBase - m : kZero - kBase + m;
      return static_cast<uint32_t>(index > 0 ? index : 0);  // there may be no -1.0
    }
  }
};

// Powers of two need no table.
template <>
struct DitherTable<optim::Map::Powers4> {
  template <optim::Book kBook>
  OCTET_HD uint32_t code(float n, uint32_t noise, int32_t least) const {
    constexpr int kTop = optim::top_magnitude(kBook, optim::Map::Powers4);
    const int m = optim::dithered_power(std::fabs(n), optim::power_of_two(1 - kTop), kTop, noise);
    if constexpr (kBook == optim::Book::Unsigned) {
      const int floor = n > 0 ? least : 0;
      return static_cast<uint32_t>(m > floor ? m : floor);
    } else {
      constexpr int kZero = optim::zero_code(kBook, optim::Map::Powers4);
      return static_cast<uint32_t>(n < 0 ? kZero - m : kZero + m);
    }
  }
};

template <optim::Map kMap>
struct CodecTables {
  static constexpr int kValues = kMap == optim::Map::Powers4 ? 16 : 256;
  alignas(16) float value[2][kValues];  // by book and code
  DitherTable<kMap> dither[2];          // by book
  optim::CodeCells<optim::Book::Signed, kMap> signed_cells;
  optim::CodeCells<optim::Book::Unsigned, kMap> unsigned_cells;
};

// In the memory of the context's device; copied there at the first call.
template <optim::Map kMap>
const CodecTables<kMap>* codec_tables(const Context& c);

}  // namespace octet::cuda
