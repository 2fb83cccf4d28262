// Dynamic 8-bit codes on the CPU: whole vectors encoded by arithmetic. Compiled once for each
// SIMD level (Highway's foreach_target), each with the same result to the last bit.
#if defined(OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#undef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#else
#define OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/codecs/blockwise8.h"

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

// Codes of floats, by linear pieces (see optim/codebook.h).
template <Book kBook>
class Encoder {
 public:
  explicit Encoder(SecondMoment mode) : Encoder(linear_pieces(kBook), mode) {}

  // The code of every lane of n: a finite value divided by its block's largest, so at most 1 (and an ulp)
  // large; not negative in the unsigned book.
  HWY_INLINE hn::Vec<U8> operator()(VF n) const {
    const F32 f;
    const I32 i;
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VF bits = hn::ConvertTo(f, hn::BitCast(i, x));
    // Adding kShift to a small number rounds it to the nearest integer, and puts that into the lowest bits.
    const VF guess = hn::MulAdd(bits, hn::Set(f, kPieceScale), hn::Set(f, kShift + kPieceOffset));
    VI piece = hn::BitCast(i, hn::Max(guess, hn::Set(f, kShift)));
    const auto next = hn::RebindMask(i, hn::Ge(x, threshold_(piece)));
    piece = hn::IfThenElse(next, hn::Add(piece, hn::Set(i, 1)), piece);
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
  static constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  static constexpr float kZero = kBook == Book::Signed ? 127 : 0;

  Encoder(const LinearPieces& pieces, SecondMoment mode)
      : threshold_(pieces.threshold),
        slope_(pieces.slope),
        offset_(pieces.offset),
        limit_(pieces.limit),
        least_(hn::Set(F32(), mode == SecondMoment::Floor ? 1.0f : 0.0f)) {}

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

// x[0..count) -> codes and the block's absmax. x is scratch: it may be changed.
template <Book kBook>
HWY_NOINLINE void encode_block(float* HWY_RESTRICT x, int count, SecondMoment mode,
                               uint8_t* HWY_RESTRICT codes, float* absmax) {
  const F32 f;
  const U8 u8;
  const int lanes = static_cast<int>(hn::Lanes(f));
  float largest = largest_magnitude(x, count);
  *absmax = largest;
  if (HWY_UNLIKELY(!(largest >= 0x1p-126f && largest < HUGE_VALF))) {
    if (largest == 0 ||
        !(largest < HUGE_VALF)) {  // not finite: absmax alone makes every value of the block so
      std::fill_n(codes, count, kBook == Book::Signed ? uint8_t{127} : uint8_t{0});
      return;
    }
    for (int k = 0; k < count; ++k) x[k] *= 0x1p64f;  // the reciprocal of a denormal would overflow
    largest *= 0x1p64f;
  }
  const Encoder<kBook> encoder(mode);
  const VF r = hn::Set(f, 1.0f / largest);
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

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
