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
  struct alignas(8) Cell {
    float threshold;  // x at or above it belongs to the next piece
    uint32_t lines;   // those of this piece: bytes from `line`; in shared memory an address
  };
  struct alignas(16) Lines {
    float slope, offset, gap_slope, gap_offset;
  };
  Lines line[optim::DitherPieces::kPieces];
  alignas(16) Cell cell[kOctaves];

  // Into shared memory, by all threads of a block.
  __device__ void copy_from(const DitherTable& from) {
    const auto first = static_cast<uint32_t>(__cvta_generic_to_shared(line));
    for (unsigned i = threadIdx.x; i < kOctaves; i += blockDim.x) {
      if (i < optim::DitherPieces::kPieces) line[i] = from.line[i];
      cell[i] = {from.cell[i].threshold, from.cell[i].lines + first};
    }
  }

  // The magnitude in the highest byte, over bits of no meaning, from shared memory. kFloor: as codes_of() has
  // it (codes.cuh).
  template <optim::Book kBook, bool kFloor>
  __device__ uint32_t place(float n, uint32_t noise) const {
    constexpr uint32_t kExponent = 0x7F800000;
    const float x = kBook == optim::Book::Signed ? std::fabs(n) : n;
    uint32_t octave = std::bit_cast<uint32_t>(n);
    if constexpr (kBook == optim::Book::Signed) octave &= kExponent;
    const Cell c = cell[optim::shifted_down<23>(octave)];
    uint32_t at = c.lines;
    if (x >= c.threshold) at += sizeof(Lines);
    // That `at` was read from the table keeps this behind the barrier after copy_from().
    Lines l;
    asm("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
        : "=f"(l.slope), "=f"(l.offset), "=f"(l.gap_slope), "=f"(l.gap_offset)
        : "r"(at));
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
    constexpr uint32_t kBase = (127 - kTop) << 24;
    float x;
    if constexpr (kBook == optim::Book::Unsigned && kFloor) {
      x = n > 0 ? std::fmax(n, kLeast) : kLeast / 2;
    } else {
      x = optim::power_place(std::fabs(n), kLeast);
    }
    return (std::bit_cast<uint32_t>(x) << 1) + (noise >> 8) - kBase;
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
