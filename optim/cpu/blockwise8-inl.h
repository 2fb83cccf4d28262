// Dynamic 8-bit codes on the CPU: whole vectors encoded and decoded by arithmetic. Compiled once for each SIMD level
// (Highway's foreach_target), each with the same result to the last bit.
#if defined(OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#undef OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#else
#define OCTET_OPTIM_CPU_BLOCKWISE8_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "optim/codebook.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using U8 = hn::Rebind<uint8_t, F32>;
using VF = hn::Vec<F32>;
using VI = hn::Vec<I32>;

// Looks up one of eight floats for each lane.
class Table8 {
 public:
  explicit Table8(const float* table)
      : low_(hn::Load(F32(), table)), high_(hn::Load(F32(), table + (kSplit ? hn::Lanes(F32()) : 0))) {}
  HWY_INLINE VF operator()(VI index) const {
    const F32 f;
    const I32 i;
    if constexpr (!kSplit) return hn::TableLookupLanes(low_, hn::IndicesFromVec(f, index));
    const auto within = hn::IndicesFromVec(f, hn::And(index, hn::Set(i, 3)));
    return hn::IfThenElse(hn::RebindMask(f, hn::Gt(index, hn::Set(i, 3))),
                          hn::TableLookupLanes(high_, within), hn::TableLookupLanes(low_, within));
  }

 private:
  static constexpr bool kSplit = hn::MaxLanes(F32()) < 8;  // four lanes see half of the table at a time
  VF low_, high_;
};

// Magnitudes of floats, by linear pieces (see optim/codebook.h).
class Encoder {
 public:
  explicit Encoder(Book book) : Encoder(codebook(book), linear_pieces(book)) {}

  // The code of every lane of n, which is a value divided by its block's largest one.
  template <Book kBook>
  HWY_INLINE VI code(VF n) const {
    const F32 f;
    const I32 i;
    const VF one = hn::Set(f, 1.0f);
    // Min is written so that NaN becomes 1 like anything else beyond the book.
    if constexpr (kBook == Book::Unsigned) return magnitude(hn::Max(hn::Min(n, one), hn::Zero(f)));
    const VI m = magnitude(hn::Min(hn::Abs(n), one));
    const VI sign = hn::BroadcastSignBit(hn::BitCast(i, n));
    return hn::Add(hn::Sub(hn::Xor(m, sign), sign), hn::Set(i, 127));  // -1.0 gives -1, which is stored as 0
  }

 private:
  Encoder(const Codebook& book, const LinearPieces& pieces)
      : book_(book),
        threshold_(pieces.threshold),
        slope_(pieces.slope),
        offset_(pieces.offset),
        limit_(pieces.limit) {}

  HWY_INLINE VI magnitude(VF x) const {
    const F32 f;
    const I32 i;
    // Adding 1.5 * 2^23 to a small float rounds it to the nearest integer, which is then in the lowest bits.
    const VF shift = hn::Set(f, 12582912.0f);
    const VF bits = hn::ConvertTo(f, hn::BitCast(i, x));
    const VF guess = hn::MulAdd(bits, hn::Set(f, kPieceScale), hn::Set(f, kPieceOffset));
    VI piece = hn::And(hn::BitCast(i, hn::Add(hn::Max(guess, hn::Zero(f)), shift)), hn::Set(i, 7));
    const auto next = hn::RebindMask(i, hn::Ge(x, threshold_(piece)));
    piece = hn::IfThenElse(next, hn::Add(piece, hn::Set(i, 1)), piece);
    const VF y = hn::Min(hn::MulAdd(slope_(piece), x, offset_(piece)), limit_(piece));
    const VF rounded = hn::Add(y, shift);
    const VF distance = hn::Abs(hn::Sub(y, hn::Sub(rounded, shift)));
    const auto at_border = hn::Gt(distance, hn::Set(f, 0.5f - kPieceTolerance));
    if (HWY_UNLIKELY(!hn::AllFalse(f, at_border))) return exact(x);
    return hn::And(hn::BitCast(i, rounded), hn::Set(i, 0x1FF));
  }

  HWY_NOINLINE VI exact(VF x) const {
    const F32 f;
    const I32 i;
    HWY_ALIGN float value[hn::MaxLanes(F32())];
    HWY_ALIGN int32_t magnitude[hn::MaxLanes(F32())];
    hn::Store(x, f, value);
    for (size_t lane = 0; lane < hn::Lanes(f); ++lane) magnitude[lane] = nearest_magnitude(book_, value[lane]);
    return hn::Load(i, magnitude);
  }

  const Codebook& book_;
  Table8 threshold_, slope_, offset_, limit_;
};

// The largest |x|, as bits: the order of the bits of non-negative floats is that of the floats, with infinity and
// then NaN above, so the result does not depend on the order of the lanes even where a value is not a number.
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
HWY_NOINLINE void encode_block(float* HWY_RESTRICT x, int count, uint8_t* HWY_RESTRICT codes, float* absmax) {
  const F32 f;
  const U8 u8;
  const int lanes = static_cast<int>(hn::Lanes(f));
  const Encoder encoder(kBook);
  float largest = largest_magnitude(x, count);
  *absmax = largest;
  if (largest > 0 && largest < 0x1p-126f) {  // the reciprocal of a denormal would overflow
    for (int k = 0; k < count; ++k) x[k] *= 0x1p64f;
    largest *= 0x1p64f;
  }
  const VF r = hn::Set(f, largest == 0 ? 0.0f : 1.0f / largest);
  int k = 0;
  for (; k + lanes <= count; k += lanes)
    hn::StoreU(hn::DemoteTo(u8, encoder.code<kBook>(hn::Mul(hn::LoadU(f, x + k), r))), u8, codes + k);
  if (k < count) {
    HWY_ALIGN float rest[hn::MaxLanes(F32())] = {};
    HWY_ALIGN uint8_t rest_codes[hn::MaxLanes(F32())];
    std::copy(x + k, x + count, rest);
    hn::Store(hn::DemoteTo(u8, encoder.code<kBook>(hn::Mul(hn::Load(f, rest), r))), u8, rest_codes);
    std::copy(rest_codes, rest_codes + (count - k), codes + k);
  }
}

// codes -> value * absmax.
template <Book kBook>
HWY_NOINLINE void decode_block(const uint8_t* HWY_RESTRICT codes, float absmax, int count, float* HWY_RESTRICT x) {
  const float* HWY_RESTRICT value = codebook(kBook).value.data();
  for (int k = 0; k < count; ++k) x[k] = value[codes[k]] * absmax;
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
