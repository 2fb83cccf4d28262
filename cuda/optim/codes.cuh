// From magnitudes (see codebook.h) to codes, four at a time in the bytes of a word.
#pragma once

#include <cstdint>

#include "cuda/optim/lanes.cuh"
#include "optim/codebook.h"

namespace octet::cuda {

constexpr uint32_t kEachByte = 0x01010101u;

// The highest bytes of four words, the first in the lowest.
__device__ inline uint32_t highest_bytes(const uint32_t (&x)[kGroup]) {
  return __byte_perm(__byte_perm(x[0], x[1], 0x0073), __byte_perm(x[2], x[3], 0x0073), 0x5410);
}

// 255 for a negative number, else 0.
__device__ inline uint32_t sign_bytes(const float (&x)[kGroup]) {
  const auto pair = [](float a, float b) {
    uint32_t signs;
    // 8 more than a byte's number is its sign, eight times.
    asm("prmt.b32 %0, %1, %2, 0x00FB;" : "=r"(signs) : "r"(__float_as_uint(a)), "r"(__float_as_uint(b)));
    return signs;
  };
  return __byte_perm(pair(x[0], x[1]), pair(x[2], x[3]), 0x5410);
}

__device__ inline bool has_zero_byte(uint32_t x) { return ((x - kEachByte) & ~x & 0x80u * kEachByte) != 0; }

// The codes of four finite values n divided by their block's largest, whose magnitudes stand in the highest
// bytes of `place`. floor: a positive value gets the code of one, in the unsigned book.
template <Book kBook, optim::Map kMap>
__device__ uint32_t codes_of(const uint32_t (&place)[kGroup], const float (&n)[kGroup], bool floor) {
  constexpr int kZero = optim::zero_code(kBook, kMap), kTop = optim::top_magnitude(kBook, kMap);
  uint32_t m = highest_bytes(place);
  // Where dithering may have gone one beyond: of n an ulp above 1.
  if constexpr (kMap == optim::Map::Powers4) m -= m / (kTop + 1) & kEachByte;
  if constexpr (kBook == Book::Unsigned) {
    if (floor && has_zero_byte(m)) {
#pragma unroll
      for (int i = 0; i < kGroup; ++i)
        if (n[i] > 0 && (m & 0xFFu << 8 * i) == 0) m |= 1u << 8 * i;
    }
    return m;
  } else {
    const uint32_t negative = sign_bytes(n);
    // kZero - m is the complement of m + 255 - kZero.
    uint32_t more = negative & (255 - 2 * kZero) * kEachByte;
    if constexpr (kTop > kZero) {  // there is no -1: it gets the code before it
      static_assert(kTop == 128 && kZero == 127);
      more &= ~(m >> 7);
    }
    return (m + kZero * kEachByte + more) ^ negative;
  }
}

}  // namespace octet::cuda
