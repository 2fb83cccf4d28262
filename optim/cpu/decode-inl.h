// Decoding of 8-bit codes: value[code] * absmax, to the last bit.
#if defined(OCTET_OPTIM_CPU_DECODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_DECODE_INL_H_
#undef OCTET_OPTIM_CPU_DECODE_INL_H_
#else
#define OCTET_OPTIM_CPU_DECODE_INL_H_
#endif

#include <bit>
#include <cstdint>

#include <hwy/highway.h>

#include "optim/codebook.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// A look-up in memory for each code; a gather instruction is no faster on most CPUs.
inline void decode_by_table(const float* HWY_RESTRICT value, const uint8_t* HWY_RESTRICT codes, float absmax,
                            int count, float* HWY_RESTRICT x) {
  for (int k = 0; k < count; ++k) x[k] = value[codes[k]] * absmax;
}

#if HWY_TARGET == HWY_AVX3
// With VBMI a book fits into registers, as four planes of bytes, and one instruction looks up 64 bytes of
// half a plane. A third of the time of looking into memory.
struct BytePlanes {
  alignas(64) uint8_t byte[4][256];
  explicit BytePlanes(const Codebook& book) {
    for (size_t i = 0; i < 256; ++i)
      for (size_t plane = 0; plane < 4; ++plane)
        byte[plane][i] = static_cast<uint8_t>(std::bit_cast<uint32_t>(book.value[i]) >> (8 * plane));
  }
};

#define OCTET_VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))

// Decodes whole groups of 64 codes; returns how many codes that were.
OCTET_VBMI inline int decode_vbmi(const BytePlanes& planes, const uint8_t* HWY_RESTRICT codes, float absmax,
                                  int count, float* HWY_RESTRICT x) {
  __m512i table[4][4];
  for (int plane = 0; plane < 4; ++plane)
    for (int part = 0; part < 4; ++part)
      table[plane][part] = _mm512_load_si512(planes.byte[plane] + 64 * part);
  // Interleaving bytes works within each quarter of a vector; with the codes in this order the floats come
  // out in theirs.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512 scale = _mm512_set1_ps(absmax);
  int k = 0;
  for (; k + 64 <= count; k += 64) {
    const __m512i code = _mm512_permutexvar_epi32(order, _mm512_loadu_si512(codes + k));
    const __mmask64 upper = _mm512_movepi8_mask(code);
    __m512i byte[4];
    for (int plane = 0; plane < 4; ++plane)
      byte[plane] =
          _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(table[plane][0], code, table[plane][1]), upper,
                               _mm512_permutex2var_epi8(table[plane][2], code, table[plane][3]));
    const __m512i low01 = _mm512_unpacklo_epi8(byte[0], byte[1]),
                  high01 = _mm512_unpackhi_epi8(byte[0], byte[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(byte[2], byte[3]),
                  high23 = _mm512_unpackhi_epi8(byte[2], byte[3]);
    const __m512i value[4] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                              _mm512_unpacklo_epi16(high01, high23), _mm512_unpackhi_epi16(high01, high23)};
    for (int part = 0; part < 4; ++part)
      _mm512_storeu_ps(x + k + 16 * part, _mm512_mul_ps(_mm512_castsi512_ps(value[part]), scale));
  }
  return k;
}
#endif

template <Book kBook>
HWY_NOINLINE void decode_block(const uint8_t* HWY_RESTRICT codes, float absmax, int count,
                               float* HWY_RESTRICT x) {
  const Codebook& book = codebook(kBook);
  int done = 0;
#if HWY_TARGET == HWY_AVX3
  static const bool vbmi = __builtin_cpu_supports("avx512vbmi") != 0;
  static const BytePlanes planes(book);
  if (vbmi) done = decode_vbmi(planes, codes, absmax, count, x);
#endif
  decode_by_table(book.value.data(), codes + done, absmax, count - done, x + done);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
