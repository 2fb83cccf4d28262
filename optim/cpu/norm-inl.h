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

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// The sum is not finite if a value is not; squares of floats cannot overflow it.
template <class T>
double sum_of_squares(const T* HWY_RESTRICT x, int64_t count) {
  constexpr int kSums = 16;
  double sum[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int k = 0; k < kSums; ++k) sum[k] += static_cast<double>(x[i + k]) * static_cast<double>(x[i + k]);
  for (int k = 0; i + k < count; ++k) sum[k] += static_cast<double>(x[i + k]) * static_cast<double>(x[i + k]);
  for (int half = kSums / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) sum[k] += sum[k + half];
  return sum[0];
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
