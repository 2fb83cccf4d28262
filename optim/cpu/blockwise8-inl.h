// Dynamic 8-bit codes on the CPU: whole vectors encoded by arithmetic. Compiled once for each
// SIMD level (Highway's foreach_target), each with the same result to the last bit.
#if defined(OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#undef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#else
#define OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/noise-inl.h"
#include "optim/cpu/pieces-inl.h"
#include "optim/dither_pieces.h"
#include "optim/step.h"

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
constexpr int kQuad = static_cast<int>(hn::MaxLanes(U8()));

// Below, the bytes of a quad are in the order in which they are cheap to have: in every 128 bits those of the
// same 128 bits of part 0, then of part 1 and so on. This puts them into the order of the values.
HWY_INLINE VB in_order(VB bytes) {
  const hn::Repartition<uint32_t, U8> d;
  if constexpr (hn::MaxLanes(d) == 4) {
    return bytes;
  } else {
    HWY_ALIGN uint32_t order[hn::MaxLanes(d)];
    for (uint32_t k = 0; k < hn::MaxLanes(d); ++k)
      order[k] = k % (hn::MaxLanes(d) / 4) * 4 + k / (hn::MaxLanes(d) / 4);
    return hn::BitCast(U8(), hn::TableLookupLanes(hn::BitCast(d, bytes), hn::SetTableIndices(d, order)));
  }
}

// Byte kByte of every lane, the lowest being 0.
template <uint8_t kByte>
HWY_INLINE VB bytes_of(const QuadBits& x) {
  const U8 u8;
  constexpr uint8_t k0 = 0x80;  // looks up a 0
  constexpr uint8_t b0 = kByte, b1 = kByte + 4, b2 = kByte + 8, b3 = kByte + 12;
  alignas(16) static constexpr uint8_t kFrom[4][16] = {
      {b0, b1, b2, b3, k0, k0, k0, k0, k0, k0, k0, k0, k0, k0, k0, k0},
      {k0, k0, k0, k0, b0, b1, b2, b3, k0, k0, k0, k0, k0, k0, k0, k0},
      {k0, k0, k0, k0, k0, k0, k0, k0, b0, b1, b2, b3, k0, k0, k0, k0},
      {k0, k0, k0, k0, k0, k0, k0, k0, k0, k0, k0, k0, b0, b1, b2, b3}};
  const auto bytes = [&](int part) {
    return hn::TableLookupBytesOr0(hn::BitCast(u8, x.part[part]), hn::LoadDup128(u8, kFrom[part]));
  };
  return hn::Or(hn::Or(bytes(0), bytes(1)), hn::Or(bytes(2), bytes(3)));
}

// A byte for each float: 0 for +0, above 0 for positive ones, below 0 for those with a sign.
HWY_INLINE hn::Vec<hn::RebindToSigned<U8>> signs(const Quad& x) {
  const I32 i;
  const hn::Repartition<int16_t, F32> i16;
  const auto a = hn::ReorderDemote2To(i16, hn::BitCast(i, x.part[0]), hn::BitCast(i, x.part[1]));
  const auto b = hn::ReorderDemote2To(i16, hn::BitCast(i, x.part[2]), hn::BitCast(i, x.part[3]));
#if HWY_TARGET == HWY_AVX3
  return {_mm512_packs_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return {_mm256_packs_epi16(a.raw, b.raw)};
#else
  return {_mm_packs_epi16(a.raw, b.raw)};
#endif
}

// The codes of n, whose magnitudes (see optim/codebook.h) these are.
template <Book kBook, Map kMap>
HWY_INLINE VB codes_of(VB magnitude, const Quad& n, VB least) {
  const U8 u8;
  const hn::RebindToSigned<U8> i8;
  const auto sign = signs(n);
  if constexpr (kBook == Book::Signed) {
    (void)least;
    const VB zero = hn::Set(u8, zero_code(kBook, kMap));
    // There may be no -1.0, which would have the code -1: the subtraction saturates.
    return hn::BitCast(u8, hn::IfNegativeThenElse(sign, hn::BitCast(i8, hn::SaturatedSub(zero, magnitude)),
                                                  hn::BitCast(i8, hn::Add(zero, magnitude))));
  } else {
    const auto positive = hn::VecFromMask(i8, hn::Gt(sign, hn::Zero(i8)));
    return hn::And(hn::Max(magnitude, least), hn::BitCast(u8, positive));
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

// Encoders give the codes of n: finite values divided by their block's largest, so at most 1 (and an ulp)
// large; not negative in the unsigned book.

// Nearest codes, by linear pieces (see optim/codebook.h).
template <Book kBook>
class Encoder {
 public:
  explicit Encoder(const Encoding& how) : Encoder(linear_pieces(kBook), how.floor) {}

  HWY_INLINE VB operator()(const Quad& n) const {
    const U16 u16;
    QuadBits place;
    for (int p = 0; p < 4; ++p) place.part[p] = place_of(n.part[p]);
    VB magnitude = bytes_of<2>(place);
    const auto low = [&](int p) { return hn::BitCast(u16, place.part[p]); };
    const auto least = hn::Min(hn::Min(low(0), low(1)), hn::Min(low(2), low(3)));
    const auto at_border = hn::Eq(hn::Min(least, hn::Set(u16, kClose)), least);
    if (HWY_UNLIKELY(!hn::AllFalse(u16, at_border)))
      magnitude = exact(n.part[0], n.part[1], n.part[2], n.part[3], place.part[0], place.part[1],
                        place.part[2], place.part[3]);
    return in_order(codes_of<kBook, Map::Dynamic>(magnitude, n, least_));
  }

 private:
  using U16 = hn::Repartition<uint16_t, F32>;
  static constexpr int kUp = kBook == Book::Signed ? 0 : 1;  // bits from the magnitude to the third byte
  // Twice the tolerance, in the lower half of a place; the upper half is larger.
  static constexpr uint16_t kClose =
      static_cast<uint16_t>(2 * kLineTolerance / line_base(kBook) * static_cast<float>(1 << (23 + kUp)));

  Encoder(const LinearPieces& pieces, bool floor)
      : piece_(pieces),
        slope_(pieces.slope),
        offset_(pieces.offset),
        limit_(pieces.limit),
        least_(hn::Set(U8(), floor ? 1 : 0)) {}

  // The magnitude in the third byte, above its fraction.
  HWY_INLINE VI place_of(VF n) const {
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VI piece = piece_(x);
    const VF y = hn::Min(hn::MulAdd(slope_(piece), x, offset_(piece)), limit_(piece));
    return hn::ShiftLeft<kUp>(hn::BitCast(I32(), y));
  }

  // The magnitudes of places of which some may be one too high; the table of borders tells.
  static HWY_NOINLINE VB exact(VF n0, VF n1, VF n2, VF n3, VI place0, VI place1, VI place2, VI place3) {
    const VF n[] = {n0, n1, n2, n3};
    const VI place[] = {place0, place1, place2, place3};
    const F32 f;
    const I32 i;
    const Codebook& book = codebook(kBook);
    HWY_ALIGN float value[hn::MaxLanes(F32())];
    HWY_ALIGN int32_t bits[hn::MaxLanes(F32())];
    QuadBits out;
    for (int p = 0; p < 4; ++p) {
      hn::Store(n[p], f, value);
      hn::Store(place[p], i, bits);
      for (size_t lane = 0; lane < hn::Lanes(f); ++lane) {
        const auto m = static_cast<size_t>(bits[lane] >> 16 & 255);
        if ((bits[lane] & 0xFFFF) <= kClose && std::fabs(value[lane]) < book.lower[m]) bits[lane] -= 1 << 16;
      }
      out.part[p] = hn::Load(i, bits);
    }
    return bytes_of<2>(out);
  }

  PieceFinder<LinearPieces, kBook> piece_;
  Table8 slope_, offset_, limit_;
  VB least_;  // code of the smallest positive value; not used in the signed book
};

// Dithered codes (see optim/dither_pieces.h, dither.h). Each call is for the values after those of the last.
template <Book kBook, Map kMap>
class DitherEncoder {
 public:
  explicit DitherEncoder(const Encoding& how) : DitherEncoder(dither_pieces(kBook, kMap), how) {}

  HWY_INLINE VB operator()(const Quad& n) {
    const U8 u8;
    QuadBits noisy;
    for (int p = 0; p < 4; ++p) noisy.part[p] = noisy_place(n.part[p]);
    VB magnitude;
    if constexpr (kMap == Map::Powers4) {  // above an exponent's base
      constexpr uint8_t kTop = top_magnitude(kBook, kMap);
      magnitude = hn::Min(hn::Sub(bytes_of<3>(noisy), hn::Set(u8, 127 - kTop)), hn::Set(u8, kTop));
    } else {
      magnitude = bytes_of<2>(noisy);
    }
    return in_order(codes_of<kBook, kMap>(magnitude, n, least_));
  }

 private:
  DitherEncoder(const DitherPieces& pieces, const Encoding& how)
      : piece_(pieces),
        slope_(pieces.slope),
        offset_(pieces.offset),
        gap_slope_(pieces.gap_slope),
        gap_offset_(pieces.gap_offset),
        least_(hn::Set(U8(), how.floor ? 1 : 0)),
        noise_(how.dither_key) {}

  // The magnitude in the third byte, or the exponent in the fourth.
  HWY_INLINE VI noisy_place(VF n) {
    const F32 f;
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    VF place;
    if constexpr (kMap == Map::Powers4) {
      // power_place() of dither_pieces.h; half of x is exact, so fused or not is the same.
      constexpr float kLeast = power_of_two(1 - top_magnitude(kBook, kMap));
      place = hn::Max(x, hn::MulAdd(x, hn::Set(f, 0.5f), hn::Set(f, 0.5f * kLeast)));
    } else {
      const VI piece = piece_(x);
      place =
          hn::Min(fused(slope_(piece), x, offset_(piece)), fused(gap_slope_(piece), x, gap_offset_(piece)));
    }
    constexpr int kFraction = kMap == Map::Powers4 ? 23 : kPlaceBits, kUp = kMap == Map::Powers4 ? 24 : 16;
    const auto noisy = hn::Add(hn::BitCast(U32(), place), hn::ShiftRight<32 - kFraction>(noise_.next()));
    return hn::BitCast(I32(), hn::ShiftLeft<kUp - kFraction>(noisy));
  }

  using Finder =
      std::conditional_t<kMap == Map::Dynamic, PieceFinder<DitherPieces, kBook>, PieceCounter<DitherPieces>>;
  Finder piece_;
  Table8 slope_, offset_, gap_slope_, gap_offset_;
  VB least_;  // code of the smallest positive value; not used in the signed book
  VectorNoise noise_;
};

// The largest |x|, as bits: the order of the bits of non-negative floats is that of the floats, with infinity
// and then NaN above, so the result does not depend on the order of the lanes even where a value is not a
// number.
HWY_INLINE float largest_magnitude(const float* HWY_RESTRICT x, int count) {
  const F32 f;
  const I32 i;
  const int lanes = static_cast<int>(hn::Lanes(f));
  VI largest = hn::Zero(i);
  int k = 0;
  for (; k + lanes <= count; k += lanes)
    largest = hn::Max(largest, hn::BitCast(i, hn::Abs(hn::LoadU(f, x + k))));
  int32_t bits = hn::GetLane(hn::MaxOfLanes(i, largest));
  for (; k < count; ++k) {
    int32_t b;
    std::memcpy(&b, x + k, sizeof b);
    bits = std::max(bits, b & 0x7FFFFFFF);
  }
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}

// What a block's values are multiplied with before they get their codes: first `scale`, then `factor`.
struct Reciprocal {
  float scale = 1, factor = 0;
  bool no_values = false;  // all zero, or not finite: then absmax alone makes every value of the block so

  explicit Reciprocal(float absmax) {
    if (HWY_UNLIKELY(!(absmax >= 0x1p-126f && absmax < HUGE_VALF))) {
      no_values = absmax == 0 || !(absmax < HUGE_VALF);
      if (no_values) return;
      scale = 0x1p64f;  // the reciprocal of a denormal would overflow
    }
    factor = 1.0f / (absmax * scale);
  }
};

// Of x[0..count), with the block's absmax, which is found unless it is given. Applies `scale` where it is
// not 1.
HWY_INLINE Reciprocal reciprocal_of(float* HWY_RESTRICT x, int count, const Encoding& how, float* absmax) {
  if (!how.given_absmax) *absmax = largest_magnitude(x, count);
  const Reciprocal out(*absmax);
  if (HWY_UNLIKELY(out.scale != 1))
    for (int k = 0; k < count; ++k) x[k] *= out.scale;
  return out;
}

// x[0..count) * factor -> codes
template <class Encoder>
HWY_INLINE void encode_all(const float* HWY_RESTRICT x, float factor, int count, Encoder encoder,
                           uint8_t* HWY_RESTRICT codes) {
  const F32 f;
  const U8 u8;
  const VF r = hn::Set(f, factor);
  const auto scaled = [&](const float* from) {
    Quad n;
    for (size_t p = 0; p < 4; ++p) n.part[p] = hn::Mul(hn::LoadU(f, from + p * hn::Lanes(f)), r);
    return n;
  };
  int k = 0;
  for (; k + kQuad <= count; k += kQuad) hn::StoreU(encoder(scaled(x + k)), u8, codes + k);
  if (k < count) {
    HWY_ALIGN float rest[kQuad] = {};
    HWY_ALIGN uint8_t rest_codes[kQuad];
    std::copy(x + k, x + count, rest);
    hn::Store(encoder(scaled(rest)), u8, rest_codes);
    std::copy(rest_codes, rest_codes + (count - k), codes + k);
  }
}

// x[0..count) -> codes and the block's absmax. x is scratch: it may be changed.
template <Book kBook>
HWY_NOINLINE void encode_block(float* HWY_RESTRICT x, int count, const Encoding& how,
                               uint8_t* HWY_RESTRICT codes, float* absmax) {
  const Reciprocal reciprocal = reciprocal_of(x, count, how, absmax);
  if (HWY_UNLIKELY(reciprocal.no_values)) {
    std::fill_n(codes, count, static_cast<uint8_t>(zero_code(kBook, Map::Dynamic)));
    return;
  }
  if (how.dithered)
    encode_all(x, reciprocal.factor, count, DitherEncoder<kBook, Map::Dynamic>(how), codes);
  else
    encode_all(x, reciprocal.factor, count, Encoder<kBook>(how), codes);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
