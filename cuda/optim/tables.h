// The code books as kernels use them.
#pragma once

#include "cuda/context.h"
#include "optim/code_cells.h"
#include "optim/dither_pieces.h"

namespace octet::cuda {

// optim::dithered_code with two look-ups in place of the search for the piece. The floats are cut by exponent
// and first kSubBits of mantissa, so finely that a cell holds one threshold at most. The lines of all pieces
// fill the 32 banks of shared memory once, so lanes that want different ones do not wait for each other.
template <optim::Map kMap>
struct DitherTable {
  static constexpr int kSubBits = kMap == optim::Map::Dynamic4 ? 3 : 0;
  static constexpr int kCells = (127 << kSubBits) + 1;  // the last is that of 1
  struct Cell {
    float threshold;  // x at or above it belongs to the next piece
    int piece;
  };
  struct alignas(16) Lines {
    float slope, offset, gap_slope, gap_offset;
  };
  Lines line[optim::DitherPieces::kPieces];
  alignas(16) Cell cell[(kCells + 1) / 2 * 2];

  template <optim::Book kBook>
  OCTET_HD uint8_t code(float n, uint32_t noise, bool floor) const {
    const uint32_t bits = std::bit_cast<uint32_t>(n);
    const float x = kBook == optim::Book::Signed ? std::bit_cast<float>(bits & 0x7FFFFFFFu) : n;
    const Cell c = cell[std::bit_cast<uint32_t>(x) >> (23 - kSubBits)];
    const Lines l = line[c.piece + (x >= c.threshold ? 1 : 0)];
    const float y = std::fma(l.slope, x, l.offset), gap = std::fma(l.gap_slope, x, l.gap_offset);
    const int m = optim::dithered_magnitude(y < gap ? y : gap, noise);
    if constexpr (kBook == optim::Book::Unsigned) {
      // As a number, the bits of a positive float are 1 or more.
      const int positive = static_cast<int>(bits) < 1 ? static_cast<int>(bits) : 1,
                least = floor ? positive : 0;
      return static_cast<uint8_t>(m > least ? m : least);
    } else {
      constexpr int kZero = optim::zero_code(kBook, kMap);
      const int index = kZero + (static_cast<int32_t>(bits) < 0 ? -m : m);
      return static_cast<uint8_t>(index > 0 ? index : 0);  // there may be no -1.0
    }
  }
};

template <optim::Map kMap>
struct CodecTables {
  static constexpr int kValues = kMap == optim::Map::Dynamic4 ? 16 : 256;
  alignas(16) float value[2][kValues];  // by book and code
  DitherTable<kMap> dither[2];          // by book
  optim::CodeCells<optim::Book::Signed, kMap> signed_cells;
  optim::CodeCells<optim::Book::Unsigned, kMap> unsigned_cells;
};

// In the memory of the context's device; copied there at the first call.
template <optim::Map kMap>
const CodecTables<kMap>* codec_tables(const Context& c);

}  // namespace octet::cuda
