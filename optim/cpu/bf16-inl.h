// bfloat16 state on the CPU.
#if defined(OCTET_OPTIM_CPU_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BF16_INL_H_
#undef OCTET_OPTIM_CPU_BF16_INL_H_
#else
#define OCTET_OPTIM_CPU_BF16_INL_H_
#endif

#include <bit>
#include <cstdint>

#include <hwy/highway.h>
#include "optim/cpu/noise-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Not inlined, nor is store_bf16: they would be in the loop of every rule.
HWY_NOINLINE inline void load_bf16(const void* stored, const float*, int count, void* x) {
  const auto* HWY_RESTRICT bits = static_cast<const uint16_t*>(stored);
  auto* HWY_RESTRICT out = static_cast<float*>(x);
  for (int i = 0; i < count; ++i) out[i] = std::bit_cast<float>(uint32_t{bits[i]} << 16);
}

// The upper half of every float's bits after add(bits), which rounds them. Where a block has numbers so large
// that this may carry beyond the last, or what is no number, all of it goes one by one; as does a rest.
template <class Add, class One>
HWY_INLINE void store_upper_halves(const float* HWY_RESTRICT in, int count, uint16_t* HWY_RESTRICT out,
                                   Add add, const One& one) {
  const hn::ScalableTag<uint32_t> u32;
  const hn::RebindToFloat<decltype(u32)> f32;
  const hn::RebindToSigned<decltype(u32)> i32;
  const hn::Repartition<uint16_t, decltype(u32)> u16;
  const int lanes = static_cast<int>(hn::Lanes(u32));
  const auto no_sign = hn::Set(u32, 0x7FFFFFFFu);
  auto largest = hn::Zero(i32);
  int k = 0;
  for (; k + 2 * lanes <= count; k += 2 * lanes) {
    const auto a = hn::BitCast(u32, hn::LoadU(f32, in + k)),
               b = hn::BitCast(u32, hn::LoadU(f32, in + k + lanes));
    largest = hn::Max(largest,
                      hn::Max(hn::BitCast(i32, hn::And(a, no_sign)), hn::BitCast(i32, hn::And(b, no_sign))));
    const auto low = hn::BitCast(u16, add(a)), high = hn::BitCast(u16, add(b));
    hn::StoreU(hn::ConcatOdd(u16, high, low), u16, out + k);
  }
  const bool large = !hn::AllFalse(i32, hn::Gt(largest, hn::Set(i32, 0x7F7F0000)));
  for (int i = large ? 0 : k; i < count; ++i) out[i] = one(in[i], i);
}

// As BFloat16 rounds; dithered, what is added below the last bit that stays is a number at random rather than
// a half.
HWY_NOINLINE inline void store_bf16(void* x, int count, const Encoding& how, void* stored, float*) {
  const auto* in = static_cast<const float*>(x);
  auto* out = static_cast<uint16_t*>(stored);
  const auto one = [&](float value, int i) {
    return rounded_bf16(value, how, dither_bits(how.dither_key, static_cast<uint32_t>(i)));
  };
  if (how.dithered) {
    VectorNoise noise(how.dither_key);
    store_upper_halves(
        in, count, out, [&](auto bits) { return hn::Add(bits, hn::ShiftRight<16>(noise.next())); }, one);
  } else {
    store_upper_halves(
        in, count, out,
        [&](auto bits) {
          const hn::ScalableTag<uint32_t> u32;
          const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u32, 1));
          return hn::Add(hn::Add(bits, hn::Set(u32, 0x7FFF)), odd);
        },
        one);
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
