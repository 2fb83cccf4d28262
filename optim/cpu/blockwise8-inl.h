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

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/dither_pieces.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using U32 = hn::RebindToUnsigned<F32>;
using U8 = hn::Rebind<uint8_t, F32>;
using VF = hn::Vec<F32>;
using VI = hn::Vec<I32>;

// Looks up one of eight floats for each lane, by the lowest three bits of its index.
class Table8 {
 public:
  explicit Table8(const float* table)
      : low_(hn::Load(F32(), table)), high_(hn::Load(F32(), table + (kSplit ? hn::Lanes(F32()) : 0))) {}
  HWY_INLINE VF operator()(VI index) const {
    const F32 f;
    const I32 i;
    // The instructions behind TableLookupLanes ignore the bits above, and a table of 16 lanes holds itself
    // twice.
    if constexpr (!kSplit) return hn::TableLookupLanes(low_, Indices{index.raw});
    const auto within = hn::IndicesFromVec(f, hn::And(index, hn::Set(i, 3)));
    const auto upper = hn::RebindMask(f, hn::TestBit(index, hn::Set(i, 4)));
    return hn::IfThenElse(upper, hn::TableLookupLanes(high_, within), hn::TableLookupLanes(low_, within));
  }

 private:
  using Indices = decltype(hn::IndicesFromVec(F32(), VI()));
  static constexpr bool kSplit = hn::MaxLanes(F32()) < 8;  // four lanes see half of the table at a time
  VF low_, high_;
};

// The lowest byte of every lane.
HWY_INLINE hn::Vec<U8> low_bytes(hn::Vec<U32> x) {
#if HWY_TARGET == HWY_AVX3
  return hn::Vec<U8>{_mm512_cvtepi32_epi8(x.raw)};  // one instruction where TruncateTo takes four
#else
  return hn::TruncateTo(U8(), x);
#endif
}

// x minus the nearest integer, where `rounded` is x + shift and has rounded to it.
HWY_INLINE VF from_nearest_integer(VF x, VF rounded, VF shift) {
#if HWY_TARGET == HWY_AVX3
  (void)rounded, (void)shift;
  return VF{_mm512_reduce_ps(x.raw, _MM_FROUND_TO_NEAREST_INT)};
#else
  return hn::Sub(x, hn::Sub(rounded, shift));
#endif
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

// Adding it to a small number rounds that to the nearest integer, and puts it into the lowest bits.
constexpr float kShift = 12582912.0f;  // 1.5 * 2^23

// The piece of x, whose bits are `bits`, as a number: a guess that is at most one too low, and a threshold.
HWY_INLINE VI piece_of(VF x, VF bits, const Table8& threshold) {
  const F32 f;
  const I32 i;
  const VF guess = hn::MulAdd(bits, hn::Set(f, kPieceScale), hn::Set(f, kShift + kPieceOffset));
  const VI piece = hn::BitCast(i, hn::Max(guess, hn::Set(f, kShift)));
  const auto next = hn::RebindMask(i, hn::Ge(x, threshold(piece)));
  return hn::IfThenElse(next, hn::Add(piece, hn::Set(i, 1)), piece);
}

// Encoders give the code of every lane of n: a finite value divided by its block's largest, so at most 1 (and
// an ulp) large; not negative in the unsigned book.

// Nearest codes, by linear pieces (see optim/codebook.h).
template <Book kBook>
class Encoder {
 public:
  explicit Encoder(const Encoding& how) : Encoder(linear_pieces(kBook), how.floor) {}

  HWY_INLINE hn::Vec<U8> operator()(VF n) const {
    const F32 f;
    const I32 i;
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VF bits = hn::ConvertTo(f, hn::BitCast(i, x));
    const VI piece = piece_of(x, bits, threshold_);
    const VF y = hn::Min(hn::MulAdd(slope_(piece), x, offset_(piece)), limit_(piece));
    // The bits of a positive float, as a number, are 1 or more: so they tell it from 0.
    const VF place = kBook == Book::Signed ? hn::CopySign(y, n) : hn::Max(y, hn::Min(bits, least_));
    const VF shift = hn::Set(f, kShift + kZero);
    VF code = hn::Add(place, shift);
    const VF distance = hn::Abs(from_nearest_integer(place, code, shift));
    const auto at_border = hn::Gt(distance, hn::Set(f, 0.5f - kPieceTolerance));
    if (HWY_UNLIKELY(!hn::AllFalse(f, at_border))) code = hn::IfThenElse(at_border, exact(n, code), code);
    if (kBook == Book::Signed)
      code = hn::Max(code, hn::Set(f, kShift));  // there is no -1.0: index -1 becomes 0
    return low_bytes(hn::BitCast(U32(), code));
  }

 private:
  static constexpr float kZero = zero_code(kBook, Map::Dynamic);

  Encoder(const LinearPieces& pieces, bool floor)
      : threshold_(pieces.threshold),
        slope_(pieces.slope),
        offset_(pieces.offset),
        limit_(pieces.limit),
        least_(hn::Set(F32(), floor ? 1.0f : 0.0f)) {}

  // `code` holds kShift plus an index that may be one off; the table of borders tells.
  static HWY_NOINLINE VF exact(VF n, VF code) {
    const F32 f;
    const Codebook& book = codebook(kBook);
    HWY_ALIGN float value[hn::MaxLanes(F32())], corrected[hn::MaxLanes(F32())];
    hn::Store(n, f, value);
    hn::Store(code, f, corrected);
    for (size_t lane = 0; lane < hn::Lanes(f); ++lane) {
      const bool negative = kBook == Book::Signed && std::signbit(value[lane]);
      const float x = negative ? -value[lane] : value[lane];
      const int guess = static_cast<int>(corrected[lane] - (kShift + kZero)) * (negative ? -1 : 1);
      int m = guess;
      if (m > 0 && x < book.lower[static_cast<size_t>(m)]) --m;
      if (guess < book.top && x >= book.lower[static_cast<size_t>(guess) + 1]) ++m;
      corrected[lane] = kShift + static_cast<float>(negative ? 127 - m : static_cast<int>(kZero) + m);
    }
    return hn::Load(f, corrected);
  }

  Table8 threshold_, slope_, offset_, limit_;
  VF least_;  // code of the smallest positive value; not used in the signed book
};

// Dithered codes (see optim/dither_pieces.h, dither.h). Each call is for the values after those of the last.
template <Book kBook>
class DitherEncoder {
 public:
  explicit DitherEncoder(const Encoding& how) : DitherEncoder(dither_pieces(kBook, Map::Dynamic), how) {}

  HWY_INLINE hn::Vec<U8> operator()(VF n) {
    const F32 f;
    const I32 i;
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VF bits = hn::ConvertTo(f, hn::BitCast(i, x));
    const VI piece = piece_of(x, bits, threshold_);
    const VF place =
        hn::Min(fused(slope_(piece), x, offset_(piece)), fused(gap_slope_(piece), x, gap_offset_(piece)));
    const auto noisy = hn::Add(hn::BitCast(U32(), place), hn::ShiftRight<32 - kPlaceBits>(noise_));
    noise_ = hn::Add(noise_, noise_step_);
    VI code = hn::BitCast(i, hn::ShiftRight<kPlaceBits>(noisy));  // above the magnitude, bits of the base
    if constexpr (kBook == Book::Unsigned) {
      // The bits of a positive float, as a number, are 1 or more: so they tell it from 0.
      code = hn::Max(code, hn::Add(hn::Min(hn::BitCast(i, n), least_), hn::Set(i, kBase)));
      return low_bytes(hn::BitCast(U32(), code));
    } else {
      code = hn::Sub(code, hn::Set(i, kBase));
      const auto negative = hn::MaskFromVec(hn::BroadcastSignBit(hn::BitCast(i, n)));
      code =
          hn::Add(hn::IfThenElse(negative, hn::Neg(code), code), hn::Set(i, zero_code(kBook, Map::Dynamic)));
      return low_bytes(
          hn::BitCast(U32(), hn::Max(code, hn::Zero(i))));  // there is no -1.0: index -1 becomes 0
    }
  }

 private:
  static constexpr int32_t kBase = std::bit_cast<int32_t>(kPlaceBase) >> kPlaceBits;

  DitherEncoder(const DitherPieces& pieces, const Encoding& how)
      : threshold_(pieces.threshold),
        slope_(pieces.slope),
        offset_(pieces.offset),
        gap_slope_(pieces.gap_slope),
        gap_offset_(pieces.gap_offset),
        least_(hn::Set(I32(), how.floor ? 1 : 0)),
        noise_(hn::Add(hn::Set(U32(), how.dither_key),
                       hn::Mul(hn::Iota(U32(), 0), hn::Set(U32(), dither_bits(0, 1))))),
        noise_step_(hn::Set(U32(), dither_bits(0, static_cast<uint32_t>(hn::Lanes(F32()))))) {}

  Table8 threshold_, slope_, offset_, gap_slope_, gap_offset_;
  VI least_;  // code of the smallest positive value; not used in the signed book
  hn::Vec<U32> noise_, noise_step_;
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

// x[0..count) * factor -> codes
template <class Encoder>
HWY_INLINE void encode_all(const float* HWY_RESTRICT x, float factor, int count, Encoder encoder,
                           uint8_t* HWY_RESTRICT codes) {
  const F32 f;
  const U8 u8;
  const int lanes = static_cast<int>(hn::Lanes(f));
  const VF r = hn::Set(f, factor);
  int k = 0;
  for (; k + lanes <= count; k += lanes) hn::StoreU(encoder(hn::Mul(hn::LoadU(f, x + k), r)), u8, codes + k);
  if (k < count) {
    HWY_ALIGN float rest[hn::MaxLanes(F32())] = {};
    HWY_ALIGN uint8_t rest_codes[hn::MaxLanes(F32())];
    std::copy(x + k, x + count, rest);
    hn::Store(encoder(hn::Mul(hn::Load(f, rest), r)), u8, rest_codes);
    std::copy(rest_codes, rest_codes + (count - k), codes + k);
  }
}

// x[0..count) -> codes and the block's absmax. x is scratch: it may be changed.
template <Book kBook>
HWY_NOINLINE void encode_block(float* HWY_RESTRICT x, int count, const Encoding& how,
                               uint8_t* HWY_RESTRICT codes, float* absmax) {
  if (!how.given_absmax) *absmax = largest_magnitude(x, count);
  const Reciprocal reciprocal(*absmax);
  if (HWY_UNLIKELY(reciprocal.no_values)) {
    std::fill_n(codes, count, static_cast<uint8_t>(zero_code(kBook, Map::Dynamic)));
    return;
  }
  if (HWY_UNLIKELY(reciprocal.scale != 1))
    for (int k = 0; k < count; ++k) x[k] *= reciprocal.scale;
  if (how.dithered)
    encode_all(x, reciprocal.factor, count, DitherEncoder<kBook>(how), codes);
  else
    encode_all(x, reciprocal.factor, count, Encoder<kBook>(how), codes);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
