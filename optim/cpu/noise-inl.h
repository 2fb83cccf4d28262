// The noise of dither.h for vectors of values, one after another.
#if defined(OCTET_OPTIM_CPU_NOISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_NOISE_INL_H_
#undef OCTET_OPTIM_CPU_NOISE_INL_H_
#else
#define OCTET_OPTIM_CPU_NOISE_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>
#include "optim/dither.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

class VectorNoise {
  using U32 = hn::ScalableTag<uint32_t>;

 public:
  // key: of the first value.
  explicit VectorNoise(uint32_t key)
      : noise_(hn::Add(hn::Set(U32(), key), hn::Mul(hn::Iota(U32(), 0), hn::Set(U32(), dither_bits(0, 1))))),
        step_(hn::Set(U32(), dither_bits(0, static_cast<uint32_t>(hn::Lanes(U32()))))) {}

  // Of the vector after the one of the last call.
  HWY_INLINE hn::Vec<U32> next() {
    const auto now = noise_;
    noise_ = hn::Add(noise_, step_);
    return now;
  }

 private:
  hn::Vec<U32> noise_, step_;
};

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
