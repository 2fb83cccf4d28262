// Sum of squares of a gradient, the same to the last bit at every SIMD level: sixteen double accumulators,
// element i in accumulator i mod 16, added up in a fixed tree. The product of two floats is exact in double,
// so it does not matter where a fused multiply-add is used.
#if defined(OCTET_OPTIM_CPU_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_NORM_INL_H_
#undef OCTET_OPTIM_CPU_NORM_INL_H_
#else
#define OCTET_OPTIM_CPU_NORM_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>
#include "optim/clip.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// The sum is not finite if a value is not; squares of floats cannot overflow it. of: what becomes of a value
// before it is squared.
template <class T, class Of>
double sum_of_squares_of(const T* HWY_RESTRICT x, int64_t count, const Of& of) {
  constexpr int kSums = 16;
  double sum[kSums] = {};
  const auto add = [&](int64_t i, int k) {
    const auto value = static_cast<double>(of(x[i + k]));
    sum[k] += value * value;
  };
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int k = 0; k < kSums; ++k) add(i, k);
  for (int k = 0; i + k < count; ++k) add(i, k);
  for (int half = kSums / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) sum[k] += sum[k + half];
  return sum[0];
}

template <class T>
double sum_of_squares(const T* HWY_RESTRICT x, int64_t count) {
  return sum_of_squares_of(x, count, [](T value) { return value; });
}

// Of values limited to [-bound, bound].
template <class T>
double sum_of_limited_squares(const T* HWY_RESTRICT x, int64_t count, T bound) {
  return sum_of_squares_of(x, count, [bound](T value) { return limited_if_finite(value, bound); });
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
