// Decoding of 8-bit codes: value[code] * absmax, to the last bit.
#if defined(OCTET_OPTIM_CPU_DECODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_DECODE_INL_H_
#undef OCTET_OPTIM_CPU_DECODE_INL_H_
#else
#define OCTET_OPTIM_CPU_DECODE_INL_H_
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// A look-up in memory for each code; a gather instruction is no faster on most CPUs.
inline void decode_by_table(const float* HWY_RESTRICT value, const uint8_t* HWY_RESTRICT codes, float absmax,
                            int count, float* HWY_RESTRICT x) {
  for (int k = 0; k < count; ++k) x[k] = value[codes[k]] * absmax;
}

#if HWY_TARGET == HWY_AVX3_DL
// A book fits into registers, as four planes of bytes, and one instruction looks up 64 bytes in 64 values of
// a plane. Of the signed book 128 magnitudes are enough: its negative values are those of the positive ones,
// and the 129th, 1, is put in its place.
template <Book kBook>
class QuadDecoder {
 public:
  QuadDecoder() : planes_(planes()) {}

  // The values of 64 codes, times `scale`. All of it is done with one of the parts, for the two books with
  // different ones.
  template <int kPart>
  HWY_INLINE void decode(const uint8_t* codes, VF scale, float* values) const {
    if constexpr (kPart == (kBook == Book::Signed ? 2 : 0)) {
      // Interleaving bytes works within each quarter of a vector; with the codes in this order the floats
      // come out in theirs.
      const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      const Bytes x = look_up(_mm512_permutexvar_epi32(order, _mm512_loadu_si512(codes)));
      const __m512i low01 = _mm512_unpacklo_epi8(x.plane[0], x.plane[1]),
                    high01 = _mm512_unpackhi_epi8(x.plane[0], x.plane[1]);
      const __m512i low23 = _mm512_unpacklo_epi8(x.plane[2], x.plane[3]),
                    high23 = _mm512_unpackhi_epi8(x.plane[2], x.plane[3]);
      const auto put = [&](int first, __m512i bits) {
        hn::StoreU(hn::Mul(VF{_mm512_castsi512_ps(bits)}, scale), F32(), values + first);
      };
      put(0, _mm512_unpacklo_epi16(low01, low23));
      put(16, _mm512_unpackhi_epi16(low01, low23));
      put(32, _mm512_unpacklo_epi16(high01, high23));
      put(48, _mm512_unpackhi_epi16(high01, high23));
    }
  }

 private:
  static constexpr int kZero = zero_code(kBook, Map::Dynamic), kParts = kBook == Book::Signed ? 2 : 4;
  // Bytes that are needed in all 64 places; kOne3 and kOne2: the upper ones of 1.0f. They lie in memory, from
  // where instructions take them: the compiler would make them anew for each quad, on the port of the
  // look-ups.
  enum Constant { k64, k192, kSign, kOne3, kOne2, kConstants };
  struct alignas(64) Planes {
    uint8_t byte[4][64 * kParts];
    uint8_t constant[kConstants][64];
    explicit Planes(const Codebook& book) {
      constexpr uint8_t kByte[kConstants] = {64, 192, 0x80, 0x3F, 0x80};
      for (int i = 0; i < kConstants; ++i) std::fill_n(constant[i], 64, kByte[i]);
      for (size_t i = 0; i < 64 * kParts; ++i)
        for (size_t plane = 0; plane < 4; ++plane)
          byte[plane][i] =
              static_cast<uint8_t>(std::bit_cast<uint32_t>(book.value[kZero + i]) >> (8 * plane));
    }
  };
  static const Planes& planes() {
    static const Planes planes(codebook(kBook));
    return planes;
  }

  HWY_INLINE __m512i in_all(Constant c) const { return _mm512_load_si512(planes_.constant[c]); }

  // The four bytes of the values of 64 codes.
  struct Bytes {
    __m512i plane[4];
  };
  HWY_INLINE Bytes look_up(__m512i code) const {
    if constexpr (kBook == Book::Unsigned) {
      return in_parts(code, {_mm512_cmpge_epu8_mask(code, in_all(k64)), _mm512_movepi8_mask(code),
                             _mm512_cmpge_epu8_mask(code, in_all(k192))});
    } else {
      const __m512i from_zero = _mm512_sub_epi8(code, _mm512_set1_epi8(kZero));  // the 1 has -128
      const __m512i magnitude = _mm512_abs_epi8(from_zero);  // its upper bit is not looked at
      Bytes out = in_parts(magnitude, {_mm512_test_epi8_mask(magnitude, in_all(k64))});
      constexpr int kOrAnd = 0xF8;  // a | b & c
      out.plane[3] = _mm512_ternarylogic_epi32(out.plane[3], from_zero, in_all(kSign), kOrAnd);
      const __mmask64 one = _mm512_movepi8_mask(magnitude);
      out.plane[3] = _mm512_mask_mov_epi8(out.plane[3], one, in_all(kOne3));
      out.plane[2] = _mm512_mask_mov_epi8(out.plane[2], one, in_all(kOne2));
      return out;
    }
  }
  // from[i]: the codes that are in part i + 1, or one after it.
  HWY_INLINE Bytes in_parts(__m512i code, const std::array<__mmask64, kParts - 1>& from) const {
    Bytes out;
    for (int plane = 0; plane < 4; ++plane) {
      const uint8_t* table = planes_.byte[plane];
      __m512i x = _mm512_permutexvar_epi8(code, _mm512_load_si512(table));
      for (size_t i = 0; i + 1 < kParts; ++i)
        x = _mm512_mask_permutexvar_epi8(x, from[i], code, _mm512_load_si512(table + 64 * (i + 1)));
      out.plane[plane] = x;
    }
    return out;
  }

  const Planes& planes_;
};
#elif HWY_TARGET == HWY_AVX2
// A look-up in memory for each code.
template <Book kBook>
class QuadDecoder {
 public:
  // The values of 8 of 32 codes, times `scale`.
  template <int kPart>
  HWY_INLINE void decode(const uint8_t* codes, VF scale, float* values) const {
    codes += 8 * kPart;
    const VF x{_mm256_castsi256_ps(_mm256_setr_m128i(four(codes), four(codes + 4)))};
    hn::StoreU(hn::Mul(x, scale), F32(), values + 8 * kPart);
  }

 private:
  // As whole numbers: the instruction that inserts one of these takes it from memory by itself.
  HWY_INLINE __m128i four(const uint8_t* codes) const {
    const auto bits = [&](int i) { return std::bit_cast<int32_t>(value_[codes[i]]); };
    return _mm_unpacklo_epi64(_mm_insert_epi32(_mm_cvtsi32_si128(bits(0)), bits(1), 1),
                              _mm_insert_epi32(_mm_cvtsi32_si128(bits(2)), bits(3), 1));
  }

  const float* value_ = codebook(kBook).value.data();
};
#endif

// `count` codes, kPerByte in each byte, by a decoder of quads, which has four parts.
template <int kPerByte, class Decoder>
HWY_INLINE void decode_all(const uint8_t* HWY_RESTRICT stored, float absmax, int count,
                           const Decoder& decoder, float* HWY_RESTRICT x) {
  const VF scale = hn::Set(F32(), absmax);
  const auto decode = [&](const uint8_t* from, float* to) {
    each_part([&](auto part) HWY_ATTR { decoder.template decode<part>(from, scale, to); });
  };
  int k = 0;
  for (; k + kQuad <= count; k += kQuad) decode(stored + k / kPerByte, x + k);
  if (k < count) {
    uint8_t rest[kQuad / kPerByte] = {};
    HWY_ALIGN float values[kQuad];
    std::copy_n(stored + k / kPerByte, (count - k + kPerByte - 1) / kPerByte, rest);
    decode(rest, values);
    std::copy_n(values, count - k, x + k);
  }
}

template <Book kBook>
HWY_NOINLINE void decode_block(const uint8_t* HWY_RESTRICT codes, float absmax, int count,
                               float* HWY_RESTRICT x) {
#if HWY_TARGET == HWY_SSE4
  decode_by_table(codebook(kBook).value.data(), codes, absmax, count, x);
#else
  decode_all<1>(codes, absmax, count, QuadDecoder<kBook>(), x);
#endif
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
