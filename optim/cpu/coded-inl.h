// Coded state on the CPU, whatever the books: one value after another by look-ups, but for dithered codes and
// those of 4 bits. The dynamic 8-bit books have vector code of their own (blockwise8-inl.h, decode-inl.h).
#if defined(OCTET_OPTIM_CPU_CODED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODED_INL_H_
#undef OCTET_OPTIM_CPU_CODED_INL_H_
#else
#define OCTET_OPTIM_CPU_CODED_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cstdint>

#include <hwy/highway.h>
#include "optim/code_cells.h"
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/decode-inl.h"
#include "optim/cpu/dither-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Two codes a byte, the first in the lower half.
inline void write_pairs(const uint8_t* HWY_RESTRICT code, int count, uint8_t* HWY_RESTRICT stored) {
  for (int i = 0; i < count / 2; ++i) stored[i] = static_cast<uint8_t>(code[2 * i] | code[2 * i + 1] << 4);
  if (count % 2 != 0) stored[count / 2] = code[count - 1];
}

// Calls look_up(codes, out) for 16 codes after another, a byte each, and takes what it writes: 16 T at `out`.
template <class T, class LookUp>
HWY_INLINE void look_up_pairs(const uint8_t* HWY_RESTRICT stored, int count, T* HWY_RESTRICT out,
                              const LookUp& look_up) {
  const hn::FixedTag<uint8_t, 16> u8;
  const hn::Repartition<uint16_t, decltype(u8)> u16;
  const auto lower = hn::Set(u8, 15);
  const auto look_up_32 = [&](const uint8_t* from, T* to) {
    const auto pairs = hn::LoadU(u8, from), even = hn::And(pairs, lower);
    const auto odd = hn::And(hn::BitCast(u8, hn::ShiftRight<4>(hn::BitCast(u16, pairs))), lower);
    look_up(hn::InterleaveLower(u8, even, odd), to);
    look_up(hn::InterleaveUpper(u8, even, odd), to + 16);
  };
  int k = 0;
  for (; k + 32 <= count; k += 32) look_up_32(stored + k / 2, out + k);
  if (k < count) {
    uint8_t rest[16] = {};
    HWY_ALIGN T values[32];
    std::copy_n(stored + k / 2, (count - k + 1) / 2, rest);
    look_up_32(rest, values);
    std::copy_n(values, count - k, out + k);
  }
}

#if HWY_TARGET == HWY_AVX3_DL
// A vector holds the values of all codes.
template <Book kBook, Map kMap>
void load_pairs(const uint8_t* HWY_RESTRICT stored, float absmax, int count, float* HWY_RESTRICT x) {
  const F32 f;
  const VF values = hn::Mul(hn::LoadU(f, codebook(kBook, kMap).value.data()), hn::Set(f, absmax));
  look_up_pairs(stored, count, x, [&](auto codes, float* out) {
    hn::StoreU(hn::TableLookupLanes(values, hn::IndicesFromVec(f, hn::PromoteTo(I32(), codes))), f, out);
  });
}
#else
// The upper and lower byte of the values of 16 codes, all of them bfloat16 numbers.
struct PairTable {
  alignas(16) uint8_t low[16], high[16];
  PairTable(Book of, Map map) {
    for (size_t i = 0; i < 16; ++i) {
      const auto bits = std::bit_cast<uint32_t>(codebook(of, map).value[i]);
      low[i] = static_cast<uint8_t>(bits >> 16), high[i] = static_cast<uint8_t>(bits >> 24);
    }
  }
};

template <Book kBook, Map kMap>
void load_pairs(const uint8_t* HWY_RESTRICT stored, float absmax, int count, float* HWY_RESTRICT x) {
  static_assert(kMap == Map::Powers4);
  static const PairTable table(kBook, kMap);
  const hn::FixedTag<uint8_t, 16> u8;
  const hn::FixedTag<uint16_t, 8> u16;
  const auto low = hn::Load(u8, table.low), high = hn::Load(u8, table.high);
  HWY_ALIGN uint16_t upper[kMaxBlock];
  look_up_pairs(stored, count, upper, [&](auto codes, uint16_t* out) {
    const auto a = hn::TableLookupBytes(low, codes), b = hn::TableLookupBytes(high, codes);
    hn::Store(hn::BitCast(u16, hn::InterleaveLower(u8, a, b)), u16, out);
    hn::Store(hn::BitCast(u16, hn::InterleaveUpper(u8, a, b)), u16, out + 8);
  });
  for (int i = 0; i < count; ++i) x[i] = std::bit_cast<float>(uint32_t{upper[i]} << 16) * absmax;
}
#endif

template <class Codec, Book kBook>
void load_coded(const void* stored, const float* absmax, int count, void* x) {
  const auto* HWY_RESTRICT codes = static_cast<const uint8_t*>(stored);
  auto* HWY_RESTRICT out = static_cast<float*>(x);
  if constexpr (Codec::values_per_stored == 2)
    load_pairs<kBook, Codec::map>(codes, *absmax, count, out);
  else
    decode_by_table(codebook(kBook, Codec::map).value.data(), codes, *absmax, count, out);
}

template <class Codec, Book kBook>
void store_coded(void* x, int count, const Encoding& how, void* stored, float* absmax) {
  auto* HWY_RESTRICT values = static_cast<float*>(x);
  HWY_ALIGN uint8_t code[kMaxBlock];
  const Reciprocal r = reciprocal_of(values, count, how, absmax);
  if (r.no_values) {
    std::fill_n(code, count, zero_code(kBook, Codec::map));
  } else if (how.dithered) {
    encode_all(values, r.factor, count, DitherEncoder<kBook, Codec::map>(how), code);
  } else {
    const auto& cells = code_cells<kBook, Codec::map>();
    for (int i = 0; i < count; ++i) code[i] = cells.code(values[i] * r.factor, how.floor ? 1 : 0);
  }
  if constexpr (Codec::values_per_stored == 2)
    write_pairs(code, count, static_cast<uint8_t*>(stored));
  else
    std::copy_n(code, count, static_cast<uint8_t*>(stored));
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
