// bfloat16 state on the CPU.
#if defined(OCTET_OPTIM_CPU_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BF16_INL_H_
#undef OCTET_OPTIM_CPU_BF16_INL_H_
#else
#define OCTET_OPTIM_CPU_BF16_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

inline void load_bf16(const void* stored, const float*, int count, void* x) {
  const auto* HWY_RESTRICT bits = static_cast<const uint16_t*>(stored);
  auto* HWY_RESTRICT out = static_cast<uint32_t*>(x);
  for (int i = 0; i < count; ++i) out[i] = uint32_t{bits[i]} << 16;
}

// BFloat16's rounding without its branch, so that the loops become vector code. Dithered: what is added below
// the last bit that stays is a number at random rather than a half.
inline void store_bf16(void* x, int count, const Encoding& how, void* stored, float*) {
  const auto* HWY_RESTRICT in = static_cast<const uint32_t*>(x);
  auto* HWY_RESTRICT out = static_cast<uint16_t*>(stored);
  if (how.dithered) {
    for (int i = 0; i < count; ++i) {
      const uint32_t u = in[i], noise = dither_bits(how.dither_key, static_cast<uint32_t>(i)) >> 16;
      out[i] = dithered_bf16(u, noise);
    }
    return;
  }
  for (int i = 0; i < count; ++i) {
    const uint32_t u = in[i], rounded = (u + 0x7FFFu + ((u >> 16) & 1u)) >> 16, nan = (u >> 16) | 0x40u;
    out[i] = static_cast<uint16_t>((u & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
