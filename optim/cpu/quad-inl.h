// Four vectors of floats and the vector of their codes.
#if defined(OCTET_OPTIM_CPU_QUAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_QUAD_INL_H_
#undef OCTET_OPTIM_CPU_QUAD_INL_H_
#else
#define OCTET_OPTIM_CPU_QUAD_INL_H_
#endif

#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/pieces-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using U8 = hn::ScalableTag<uint8_t>;
using VB = hn::Vec<U8>;

// Values are encoded four vectors at a time, which fill one vector of codes.
struct Quad {
  VF part[4];
};
struct QuadBits {
  VI part[4];
};
constexpr int kQuad = static_cast<int>(hn::MaxLanes(U8())), kLanes = kQuad / 4;

// Calls f(0) to f(3) with constants: what a loop goes through the compiler would keep in memory.
template <class F>
HWY_INLINE void each_part(const F& f) {
  f(std::integral_constant<int, 0>()), f(std::integral_constant<int, 1>());
  f(std::integral_constant<int, 2>()), f(std::integral_constant<int, 3>());
}

// Below, the bytes of a quad are in the order in which they are cheap to have: a group of lanes of part 0,
// the same lanes of part 1 and so on, and then the next group. A group is four lanes, with AVX-512 two.

// Puts them into the order of the values.
HWY_INLINE VB in_order(VB bytes) {
#if HWY_TARGET == HWY_AVX3_DL
  HWY_ALIGN static constexpr auto kOrder = [] {
    constexpr uint32_t kGroup = 2;
    std::array<uint8_t, 64> order{};
    for (uint32_t k = 0; k < 64; ++k)
      order[k] = static_cast<uint8_t>(k % 16 / kGroup * 4 * kGroup + k / 16 * kGroup + k % kGroup);
    return order;
  }();
  return VB{_mm512_permutexvar_epi8(_mm512_load_si512(kOrder.data()), bytes.raw)};
#else
  const hn::Repartition<uint32_t, U8> d;
  if constexpr (hn::MaxLanes(d) == 4) {
    return bytes;
  } else {
    HWY_ALIGN uint32_t order[hn::MaxLanes(d)];
    for (uint32_t k = 0; k < hn::MaxLanes(d); ++k)
      order[k] = k % (hn::MaxLanes(d) / 4) * 4 + k / (hn::MaxLanes(d) / 4);
    return hn::BitCast(U8(), hn::TableLookupLanes(hn::BitCast(d, bytes), hn::SetTableIndices(d, order)));
  }
#endif
}

// The eight bits from kBit on of every lane of part kPart, the lowest being 0, beside those of the parts
// before it.
template <int kBit, int kPart>
HWY_INLINE void add_bytes(VI part, VB& bytes) {
  static_assert(kBit <= 24);
#if HWY_TARGET == HWY_AVX3_DL
  const __m512i from = _mm512_set1_epi16(static_cast<int16_t>((kBit + 32) << 8 | kBit));
  if constexpr (kPart == 0)
    bytes.raw = _mm512_multishift_epi64_epi8(from, part.raw);
  else
    bytes.raw =
        _mm512_mask_multishift_epi64_epi8(bytes.raw, 0x0303030303030303 << (2 * kPart), from, part.raw);
#else
  const U8 u8;
  constexpr int kUp = (24 - kBit) % 8;  // to a whole byte
  // Of each group, 0 in those of other parts.
  HWY_ALIGN static constexpr auto kFrom = [] {
    std::array<uint8_t, hn::MaxLanes(U8())> from{};
    for (size_t i = 0; i < from.size(); ++i)
      from[i] = i % 16 / 4 == kPart ? static_cast<uint8_t>((kBit + kUp) / 8 + i % 4 * 4) : 0x80;
    return from;
  }();
  const VB own =
      hn::TableLookupBytesOr0(hn::BitCast(u8, hn::ShiftLeft<kUp>(part)), hn::Load(u8, kFrom.data()));
  bytes = kPart == 0 ? own : hn::Or(bytes, own);
#endif
}
template <int kBit>
HWY_INLINE VB bytes_of(const QuadBits& x) {
  VB out;
  each_part([&](auto part) HWY_ATTR { add_bytes<kBit, part>(x.part[part], out); });
  return out;
}

// A byte for each float: 0 for +0, above 0 for positive ones, below 0 for those with a sign.
HWY_INLINE hn::Vec<hn::RebindToSigned<U8>> signs(const Quad& x) {
  const I32 i;
  const hn::Repartition<int16_t, F32> i16;
  const auto a = hn::ReorderDemote2To(i16, hn::BitCast(i, x.part[0]), hn::BitCast(i, x.part[1]));
  const auto b = hn::ReorderDemote2To(i16, hn::BitCast(i, x.part[2]), hn::BitCast(i, x.part[3]));
#if HWY_TARGET == HWY_AVX3_DL
  const __m128i groups = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  return {_mm512_shuffle_epi8(_mm512_packs_epi16(a.raw, b.raw), _mm512_broadcast_i32x4(groups))};
#elif HWY_TARGET == HWY_AVX2
  return {_mm256_packs_epi16(a.raw, b.raw)};
#else
  return {_mm_packs_epi16(a.raw, b.raw)};
#endif
}

// Four vectors from x on, times r. Without a loop over the parts, of which the compiler would make stores.
HWY_INLINE Quad scaled_quad(const float* HWY_RESTRICT x, VF r) {
  const F32 f;
  const auto part = [&](size_t p) { return hn::Mul(hn::LoadU(f, x + p * hn::Lanes(f)), r); };
  return {{part(0), part(1), part(2), part(3)}};
}

// The codes of n, whose magnitudes (see optim/codebook.h) these are.
template <Book kBook, Map kMap>
HWY_INLINE VB codes_of(VB magnitude, const Quad& n, bool floor) {
  const U8 u8;
  const hn::RebindToSigned<U8> i8;
  if constexpr (kBook == Book::Signed) {
    (void)floor;
    const VB zero = hn::Set(u8, zero_code(kBook, kMap));
    // There may be no -1.0, which would have the code -1: the subtraction saturates.
    return hn::BitCast(u8,
                       hn::IfNegativeThenElse(signs(n), hn::BitCast(i8, hn::SaturatedSub(zero, magnitude)),
                                              hn::BitCast(i8, hn::Add(zero, magnitude))));
  } else {
    // Without a floor the magnitude is the code, and with it but for 0: there are no negative values.
    if (floor && HWY_UNLIKELY(!hn::AllFalse(u8, hn::Eq(magnitude, hn::Zero(u8))))) {
      const auto positive = hn::VecFromMask(i8, hn::Gt(signs(n), hn::Zero(i8)));
      return hn::And(hn::Max(magnitude, hn::Set(u8, 1)), hn::BitCast(u8, positive));
    }
    return magnitude;
  }
}

// a * x + b, rounded once. Without the instruction for it, lane by lane.
HWY_INLINE VF fused(VF a, VF x, VF b) {
#if HWY_TARGET == HWY_SSE4
  const F32 f;
  HWY_ALIGN float la[hn::MaxLanes(F32())], lx[hn::MaxLanes(F32())], lb[hn::MaxLanes(F32())];
  hn::Store(a, f, la), hn::Store(x, f, lx), hn::Store(b, f, lb);
  for (size_t i = 0; i < hn::Lanes(f); ++i) la[i] = std::fma(la[i], lx[i], lb[i]);
  return hn::Load(f, la);
#else
  return hn::MulAdd(a, x, b);
#endif
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
