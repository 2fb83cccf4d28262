// A block of dynamic 8-bit codes: its absmax and the codes of its values, nearest or dithered. Compiled once
// for each SIMD level (Highway's foreach_target), each with the same result to the last bit.
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

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/dither-inl.h"
#include "optim/cpu/nearest-inl.h"
#include "optim/cpu/quad-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// The largest |x|, found by its bits: the order of the bits of non-negative floats is that of the floats,
// with infinity and then NaN above, so the result does not depend on the order of the lanes even where a
// value is not a number. As whole numbers with a sign the bits find the largest positive one, as others the
// largest of those with a sign, if there is one: in the unsigned book, which has no -0, only a NaN has a
// sign.
class LargestMagnitude {
 public:
  HWY_INLINE LargestMagnitude() : positive_(hn::Zero(I32())), any_(hn::Zero(U32())) {}
  template <Book kBook>
  HWY_INLINE void add(VF x) {
    if constexpr (kBook == Book::Signed) positive_ = hn::Max(positive_, hn::BitCast(I32(), x));
    any_ = hn::Max(any_, hn::BitCast(U32(), x));
  }
  template <Book kBook>
  HWY_INLINE void add(const float* HWY_RESTRICT x, int count) {
    const int lanes = static_cast<int>(hn::Lanes(F32()));
    int k = 0;
    for (; k + lanes <= count; k += lanes) add<kBook>(hn::LoadU(F32(), x + k));
    for (; k < count; ++k) {
      rest_positive_ = std::max(rest_positive_, std::bit_cast<int32_t>(x[k]));
      rest_any_ = std::max(rest_any_, std::bit_cast<uint32_t>(x[k]));
    }
  }
  // keep_sign: of the value that it is of, positive if both signs are as large.
  template <Book kBook>
  HWY_INLINE float value(bool keep_sign) const {
    constexpr uint32_t kSign = 0x80000000;
    const uint32_t any = std::max(rest_any_, hn::GetLane(hn::MaxOfLanes(U32(), any_)));
    if constexpr (kBook == Book::Unsigned) return std::bit_cast<float>(any & ~kSign);
    const auto positive =
        static_cast<uint32_t>(std::max(rest_positive_, hn::GetLane(hn::MaxOfLanes(I32(), positive_))));
    const uint32_t negative = any >= kSign ? any - kSign : 0;
    return std::bit_cast<float>(negative > positive ? negative + (keep_sign ? kSign : 0) : positive);
  }

 private:
  VI positive_;
  hn::Vec<U32> any_;
  int32_t rest_positive_ = 0;  // of what fills no vector
  uint32_t rest_any_ = 0;
};

template <Book kBook>
HWY_INLINE float largest_magnitude(const float* HWY_RESTRICT x, int count, bool keep_sign = false) {
  LargestMagnitude largest;
  largest.add<kBook>(x, count);
  return largest.value<kBook>(keep_sign);
}

// What a block's values are multiplied with before they get their codes: first `scale`, then `factor`.
struct Reciprocal {
  float scale = 1, factor = 0;
  bool no_values = false;  // all zero, or not finite: then absmax alone makes every value of the block so

  explicit Reciprocal(float absmax) {
    const float magnitude = std::fabs(absmax);
    if (HWY_UNLIKELY(!(magnitude >= 0x1p-126f && magnitude < HUGE_VALF))) {
      no_values = magnitude == 0 || !(magnitude < HUGE_VALF);
      if (no_values) return;
      scale = 0x1p64f;  // the reciprocal of a denormal would overflow
    }
    factor = 1.0f / (absmax * scale);
  }
};

// Of x[0..count), with the block's absmax, which is found unless it is given. Applies `scale` where it is
// not 1.
template <Book kBook>
HWY_INLINE Reciprocal reciprocal_of(float* HWY_RESTRICT x, int count, const Encoding& how, float* absmax) {
  if (!how.given_absmax) *absmax = largest_magnitude<kBook>(x, count, how.signed_absmax);
  const Reciprocal out(*absmax);
  if (HWY_UNLIKELY(out.scale != 1))
    for (int k = 0; k < count; ++k) x[k] *= out.scale;
  return out;
}

// x[0..count) * factor -> codes
template <class Encoder>
HWY_INLINE void encode_all(const float* HWY_RESTRICT x, float factor, int count, Encoder encoder,
                           uint8_t* HWY_RESTRICT codes) {
  const U8 u8;
  const VF r = hn::Set(F32(), factor);
  int k = 0;
  for (; k + kQuad <= count; k += kQuad) hn::StoreU(encoder(x + k, r), u8, codes + k);
  if (k < count) {
    HWY_ALIGN float rest[kQuad] = {};
    HWY_ALIGN uint8_t rest_codes[kQuad];
    std::copy(x + k, x + count, rest);
    hn::Store(encoder(rest, r), u8, rest_codes);
    std::copy(rest_codes, rest_codes + (count - k), codes + k);
  }
}

// x[0..count) -> codes and the block's absmax. x is scratch: it may be changed.
template <Book kBook>
HWY_NOINLINE void encode_block(float* HWY_RESTRICT x, int count, const Encoding& how,
                               uint8_t* HWY_RESTRICT codes, float* absmax) {
  const Reciprocal reciprocal = reciprocal_of<kBook>(x, count, how, absmax);
  if (HWY_UNLIKELY(reciprocal.no_values)) {
    std::fill_n(codes, count, static_cast<uint8_t>(zero_code(kBook, Map::Dynamic)));
    return;
  }
  if (how.dithered)
    encode_all(x, reciprocal.factor, count, DitherEncoder<kBook, Map::Dynamic>(how), codes);
  else
    encode_all(x, reciprocal.factor, count, NearestEncoder<kBook>(how), codes);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
