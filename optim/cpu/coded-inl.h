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
#include <cstring>

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

// The values of a quad of codes, which are powers of two (Map::Powers4).
template <Book kBook>
class PairDecoder {
 public:
  // stored: kQuad / 2 bytes. Times `scale`. Each part is for 16 codes, or there are fewer of them.
  template <int kPart>
  HWY_INLINE void decode(const uint8_t* stored, VF scale, float* values) const {
    if constexpr (16 * kPart < kQuad) put(codes_of(stored + 8 * kPart), scale, values + 16 * kPart);
  }

 private:
  using Bytes16 = hn::FixedTag<uint8_t, 16>;
  using Codes = hn::Vec<Bytes16>;

  // Of 8 bytes.
  static HWY_INLINE Codes codes_of(const uint8_t* stored) {
    const Bytes16 u8;
    const hn::Repartition<uint16_t, Bytes16> u16;
    const hn::Repartition<uint64_t, Bytes16> u64;
    uint64_t bits;
    std::memcpy(&bits, stored, sizeof bits);
    const auto pairs = hn::BitCast(u8, hn::Set(u64, bits)), lower = hn::Set(u8, 15);
    const auto odd = hn::And(hn::BitCast(u8, hn::ShiftRight<4>(hn::BitCast(u16, pairs))), lower);
    return hn::InterleaveLower(u8, hn::And(pairs, lower), odd);
  }

#if HWY_TARGET == HWY_AVX3_DL
  // A vector holds the values of all codes.
  HWY_INLINE void put(Codes codes, VF scale, float* out) const {
    const auto lanes = hn::IndicesFromVec(F32(), hn::PromoteTo(I32(), codes));
    hn::StoreU(hn::Mul(hn::TableLookupLanes(hn::LoadU(F32(), values_), lanes), scale), F32(), out);
  }

  const float* values_ = codebook(kBook, Map::Powers4).value.data();
#else
  // The upper and lower byte of the values of 16 codes, all of them bfloat16 numbers.
  struct Table {
    alignas(16) uint8_t low[16], high[16];
    Table() {
      for (size_t i = 0; i < 16; ++i) {
        const auto bits = std::bit_cast<uint32_t>(codebook(kBook, Map::Powers4).value[i]);
        low[i] = static_cast<uint8_t>(bits >> 16), high[i] = static_cast<uint8_t>(bits >> 24);
      }
    }
  };
  static const Table& table() {
    static const Table table;
    return table;
  }

  HWY_INLINE void put(Codes codes, VF scale, float* out) const {
    const Bytes16 u8;
    const auto low = hn::TableLookupBytes(hn::Load(u8, table_.low), codes),
               high = hn::TableLookupBytes(hn::Load(u8, table_.high), codes);
    put_halves(hn::InterleaveLower(u8, low, high), scale, out);
    put_halves(hn::InterleaveUpper(u8, low, high), scale, out + 8);
  }
  // Of the upper halves of 8 floats.
  static HWY_INLINE void put_halves(Codes halves, VF scale, float* out) {
    const hn::Repartition<uint16_t, Bytes16> u16;
    const auto widened = [&](auto some, float* to) {
      const VF x = hn::BitCast(F32(), hn::ShiftLeft<16>(hn::PromoteTo(U32(), some)));
      hn::StoreU(hn::Mul(x, scale), F32(), to);
    };
    const auto bits = hn::BitCast(u16, halves);
    if constexpr (kQuad == 32) {
      widened(bits, out);
    } else {
      widened(hn::LowerHalf(bits), out);
      widened(hn::UpperHalf(hn::Half<decltype(u16)>(), bits), out + 4);
    }
  }

  const Table& table_ = table();
#endif
};

template <class Codec, Book kBook>
void load_coded(const void* stored, const float* absmax, int count, void* x) {
  const auto* HWY_RESTRICT codes = static_cast<const uint8_t*>(stored);
  auto* HWY_RESTRICT out = static_cast<float*>(x);
  static_assert(Codec::values_per_stored == 1 || Codec::map == Map::Powers4);
  if constexpr (Codec::values_per_stored == 2)
    decode_all<2>(codes, *absmax, count, PairDecoder<kBook>(), out);
  else
    decode_by_table(codebook(kBook, Codec::map).value.data(), codes, *absmax, count, out);
}

template <class Codec, Book kBook>
void store_coded(void* x, int count, const Encoding& how, void* stored, float* absmax) {
  auto* HWY_RESTRICT values = static_cast<float*>(x);
  HWY_ALIGN uint8_t code[kMaxBlock];
  const Reciprocal r = reciprocal_of<kBook>(values, count, how, absmax);
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
