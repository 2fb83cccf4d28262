// How the CPU reads and writes a block of one state slot, for each codec.
#if defined(OCTET_OPTIM_CPU_CODECS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODECS_INL_H_
#undef OCTET_OPTIM_CPU_CODECS_INL_H_
#else
#define OCTET_OPTIM_CPU_CODECS_INL_H_
#endif

#include <hwy/highway.h>
#include "optim/codecs.h"
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/decode-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// load: returns where the block's `count` values are, in `buffer` or in the state itself.
// store: takes the pointer that load returned; the values may be destroyed.
// `absmax` points to the block's own, and is null where a codec has none.
template <class Codec>
struct BlockIo {  // fp32, fp64: the rule works on the state itself
  using T = typename Codec::Value;
  template <Book>
  static T* load(T* state, const float* /*absmax*/, int /*count*/, T* /*buffer*/) {
    return state;
  }
  template <Book>
  static void store(T* /*values*/, int /*count*/, SecondMoment, T* /*state*/, float* /*absmax*/) {}
};

template <>
struct BlockIo<Bf16> {
  template <Book>
  static float* load(const BFloat16* HWY_RESTRICT state, const float*, int count,
                     float* HWY_RESTRICT buffer) {
    const auto* bits = reinterpret_cast<const uint16_t*>(state);
    auto* out = reinterpret_cast<uint32_t*>(buffer);
    for (int i = 0; i < count; ++i) out[i] = uint32_t{bits[i]} << 16;
    return buffer;
  }
  // BFloat16's rounding, without its branch, so that the loop becomes vector code.
  template <Book>
  static void store(const float* HWY_RESTRICT values, int count, SecondMoment, BFloat16* HWY_RESTRICT state,
                    float*) {
    const auto* in = reinterpret_cast<const uint32_t*>(values);
    auto* out = reinterpret_cast<uint16_t*>(state);
    for (int i = 0; i < count; ++i) {
      const uint32_t u = in[i], rounded = (u + 0x7FFFu + ((u >> 16) & 1u)) >> 16, nan = (u >> 16) | 0x40u;
      out[i] = static_cast<uint16_t>((u & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
    }
  }
};

template <>
struct BlockIo<Blockwise8> {
  template <Book kBook>
  static float* load(const uint8_t* state, const float* absmax, int count, float* buffer) {
    decode_block<kBook>(state, *absmax, count, buffer);
    return buffer;
  }
  template <Book kBook>
  static void store(float* values, int count, SecondMoment mode, uint8_t* state, float* absmax) {
    encode_block<kBook>(values, count, mode, state, absmax);
  }
};

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
