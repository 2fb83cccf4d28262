// Codes of a book by one look-up, for devices that have quick memory for a table of some
// kilobytes.
//
// The floats of [2^-23, 1], or somewhat more, are cut into cells by their exponent and the first bits of
// their mantissa, finely enough that each cell has at most one border between codes. A cell's word is what
// must be added to the bits of its floats, shifted up, to get their code in the highest byte, with the bits
// below it carrying into it from the border on: one look-up, one shift and addition, which GPUs have as one
// instruction. No search, no rounding, no repair.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/codebook.h"

namespace octet::optim {

// x >> kBits, for the place in a table. On a GPU the compiler must not see the shift: of it and the scaling
// of the place it makes a shift, an AND and an addition, where a shift and a multiply-add do.
template <int kBits>
OCTET_HD uint32_t shifted_down(uint32_t x) {
#ifdef __CUDA_ARCH__
  uint32_t y;
  asm("shr.u32 %0, %1, %2;" : "=r"(y) : "r"(x), "n"(kBits));
  return y;
#else
  return x >> kBits;
#endif
}

// Bits of a float that tell places within a cell: few enough that no cell holds two borders.
constexpr int cell_bits(Book book, Map map) {
  switch (map) {
    case Map::Dynamic:
    case Map::Linear:
      break;
    case Map::DynamicV036:
      if (book == Book::Unsigned) return 15;
      break;
    case Map::Powers4:
      return 19;
  }
  return book == Book::Signed ? 17 : 16;
}

template <Book kBook, Map kMap>
struct CodeCells {
  static constexpr int kLowBits = cell_bits(kBook, kMap);
  static constexpr int kOctaves = kMap == Map::DynamicV036 ? 24 : kMap == Map::Powers4 ? 32 : 23;
  static constexpr int32_t kLeast = (127 - kOctaves) << 23;          // the bits of a float with the code of 0
  static constexpr int kCells = ((kOctaves << 23) >> kLowBits) + 1;  // the last is that of 1
  alignas(16) uint32_t word[(kCells + 3) / 4 * 4];

  static constexpr int kShift = 24 - kLowBits;

  // The magnitude (see codebook.h) of x in the highest byte, over bits of no meaning. x: at most 1 (and an
  // ulp); 0 if negative.
  OCTET_HD uint32_t place(float x) const {
    constexpr float kLeastFloat = std::bit_cast<float>(kLeast);
#ifdef __CUDA_ARCH__
    const auto bits = std::bit_cast<uint32_t>(fmaxf(x, kLeastFloat));
#else
    const auto bits = std::bit_cast<uint32_t>(kLeastFloat > x ? kLeastFloat : x);
#endif
    return (bits << kShift) + word[shifted_down<kLowBits>(bits) - (kLeast >> kLowBits)];
  }
  OCTET_HD int32_t magnitude(float x) const { return static_cast<int32_t>(place(x) >> 24); }

  // The code of a finite value n divided by its block's largest, as blockwise8.h says. In the unsigned book a
  // positive n gets `least` (0 or 1) at least.
  OCTET_HD uint8_t code(float n, int32_t least) const {
    const auto bits = std::bit_cast<int32_t>(n);
    if constexpr (kBook == Book::Unsigned) {
      // As a number, the bits of a positive float are 1 or more.
      const int32_t floor = bits < least ? bits : least, m = magnitude(n);
      return static_cast<uint8_t>(m > floor ? m : floor);
    } else {
      constexpr int32_t kZero = zero_code(kBook, kMap);
      const int32_t m = magnitude(std::fabs(n)), index = bits < 0 ? kZero - m : kZero + m;
      return static_cast<uint8_t>(index > 0 ? index : 0);  // there may be no -1.0: index -1 becomes 0
    }
  }
};

// Built once, at the first call.
template <Book kBook, Map kMap>
const CodeCells<kBook, kMap>& code_cells();

}  // namespace octet::optim
