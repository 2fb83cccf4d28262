// The code books as kernels use them.
#pragma once

#include "cuda/context.h"
#include "optim/code_cells.h"
#include "optim/dither_pieces.h"

namespace octet::cuda {

// optim::dithered_magnitude with two look-ups in place of the search for the piece: an octave has one
// threshold at most. The lines of all pieces fill the 32 banks of shared memory once, so lanes that want
// different ones do not wait for each other.
template <optim::Map kMap>
struct DitherTable {
  static constexpr int kOctaves = 128;  // the last begins with 1
  struct Cell {
    float threshold;  // x at or above it belongs to the next piece
    uint32_t lines;   // from the first piece's to this one's, in bytes
  };
  struct alignas(16) Lines {
    float slope, offset, gap_slope, gap_offset;
  };
  Lines line[optim::DitherPieces::kPieces];
  alignas(16) Cell cell[kOctaves];

  // The magnitude in the highest byte, over bits of no meaning. kFloor: as codes_of() has it (codes.cuh).
  template <optim::Book kBook, bool kFloor>
  OCTET_HD uint32_t place(float n, uint32_t noise) const {
    const float x = kBook == optim::Book::Signed ? std::fabs(n) : n;
    const Cell c = cell[std::bit_cast<uint32_t>(x) >> 23];
    uint32_t at = c.lines;
    if (x >= c.threshold) at += sizeof(Lines);
    const Lines l = *reinterpret_cast<const Lines*>(reinterpret_cast<const char*>(line) + at);
    const float y = std::fmin(std::fma(l.slope, x, l.offset), std::fma(l.gap_slope, x, l.gap_offset));
    constexpr int kUp = 24 - optim::kPlaceBits;  // what the shift loses is kPlaceBase
    return (std::bit_cast<uint32_t>(y) << kUp) + (noise >> 8);
  }
};

// Powers of two need no table.
template <>
struct DitherTable<optim::Map::Powers4> {
  template <optim::Book kBook, bool kFloor>
  OCTET_HD uint32_t place(float n, uint32_t noise) const {
    constexpr int kTop = optim::top_magnitude(kBook, optim::Map::Powers4);
    constexpr float kLeast = optim::power_of_two(1 - kTop);
    constexpr uint32_t kUnit = 1 << 24, kBase = (127 - kTop) * kUnit;
    float x = std::fabs(n);
    uint32_t base = kBase;
    if constexpr (kBook == optim::Book::Unsigned && kFloor) {
      x = n > 0 ? std::fmax(n, kLeast) : kLeast / 2;
    } else if (x < kLeast) {
      x += kLeast;
      base += kUnit;
    }
    return (std::bit_cast<uint32_t>(x) << 1) + (noise >> 8) - base;
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
