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
// With VBMI a book fits into registers, as four planes of bytes, and one instruction looks up 64 bytes in
// half a plane. A third of the time of looking into memory. Of the signed book 128 magnitudes are enough: its
// negative values are those of the positive ones, and the 129th, 1, is put in its place.
template <Book kBook>
struct BytePlanes {
  static constexpr int kZero = zero_code(kBook, Map::Dynamic), kValues = kBook == Book::Signed ? 128 : 256;
  alignas(64) uint8_t byte[4][kValues];
  explicit BytePlanes(const Codebook& book) {
    for (size_t i = 0; i < kValues; ++i)
      for (size_t plane = 0; plane < 4; ++plane)
        byte[plane][i] = static_cast<uint8_t>(std::bit_cast<uint32_t>(book.value[kZero + i]) >> (8 * plane));
  }
  __m512i part(int plane, int i) const { return _mm512_load_si512(byte[plane] + 64 * i); }
};

#define OCTET_VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))

// The four bytes of the values of 64 codes.
struct ValueBytes {
  __m512i plane[4];
};
OCTET_VBMI HWY_INLINE ValueBytes look_up(const BytePlanes<Book::Unsigned>& planes, __m512i code) {
  const __mmask64 upper = _mm512_movepi8_mask(code);
  ValueBytes out;
  for (int p = 0; p < 4; ++p)
    out.plane[p] =
        _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(planes.part(p, 0), code, planes.part(p, 1)), upper,
                             _mm512_permutex2var_epi8(planes.part(p, 2), code, planes.part(p, 3)));
  return out;
}
OCTET_VBMI HWY_INLINE ValueBytes look_up(const BytePlanes<Book::Signed>& planes, __m512i code) {
  const __m512i from_zero = _mm512_sub_epi8(code, _mm512_set1_epi8(planes.kZero));  // the 1 has -128
  const __m512i magnitude = _mm512_abs_epi8(from_zero);  // its upper bit is not looked at
  ValueBytes out;
  for (int p = 0; p < 4; ++p)
    out.plane[p] = _mm512_permutex2var_epi8(planes.part(p, 0), magnitude, planes.part(p, 1));
  const __mmask64 negative = _mm512_movepi8_mask(from_zero), one = _mm512_movepi8_mask(magnitude);
  const auto set = [](__m512i& bytes, __mmask64 where, uint32_t byte) {
    bytes = _mm512_mask_mov_epi8(bytes, where, _mm512_set1_epi8(static_cast<char>(byte)));
  };
  constexpr uint32_t kSign = 0x80, kOne = std::bit_cast<uint32_t>(1.0f);
  out.plane[3] =
      _mm512_mask_add_epi8(out.plane[3], negative, out.plane[3], _mm512_set1_epi8(static_cast<char>(kSign)));
  set(out.plane[3], one, kOne >> 24);
  set(out.plane[2], one, kOne >> 16 & 255);
  return out;
}

// Decodes whole groups of 64 codes; returns how many codes that were.
template <Book kBook>
OCTET_VBMI int decode_vbmi(const BytePlanes<kBook>& planes, const uint8_t* HWY_RESTRICT codes, float absmax,
                           int count, float* HWY_RESTRICT x) {
  // Interleaving bytes works within each quarter of a vector; with the codes in this order the floats come
  // out in theirs.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512 scale = _mm512_set1_ps(absmax);
  int k = 0;
  for (; k + 64 <= count; k += 64) {
    const auto [byte] = look_up(planes, _mm512_permutexvar_epi32(order, _mm512_loadu_si512(codes + k)));
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
  static const BytePlanes<kBook> planes(book);
  if (vbmi) done = decode_vbmi(planes, codes, absmax, count, x);
#endif
  decode_by_table(book.value.data(), codes + done, absmax, count - done, x + done);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
