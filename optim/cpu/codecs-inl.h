// How the CPU reads and writes a block of one state slot, for each codec. The step loop of step-inl.h calls
// these through pointers, so it is compiled once a rule and not once a rule and codec.
#if defined(OCTET_OPTIM_CPU_CODECS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODECS_INL_H_
#undef OCTET_OPTIM_CPU_CODECS_INL_H_
#else
#define OCTET_OPTIM_CPU_CODECS_INL_H_
#endif

#include <type_traits>

#include <hwy/highway.h>
#include "optim/codecs.h"
#include "optim/cpu/bf16-inl.h"
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/coded-inl.h"
#include "optim/cpu/decode-inl.h"
#include "optim/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// For codecs that keep the values themselves, which the step loop needs only outside of a step.
template <class T>
struct CopyIo {
  static void load(const void* stored, const float*, int count, void* x) {
    std::copy_n(static_cast<const T*>(stored), count, static_cast<T*>(x));
  }
  static void store(void* x, int count, const Encoding&, void* stored, float*) {
    std::copy_n(static_cast<const T*>(x), count, static_cast<T*>(stored));
  }
};

template <class Codec, Book kBook>
SlotIo slot_io() {
  if constexpr (std::is_same_v<typename Codec::Value, typename Codec::Stored>) {
    using Io = CopyIo<typename Codec::Value>;
    return {&Io::load, &Io::store};
  } else if constexpr (std::is_same_v<Codec, Bf16>) {
    return {&load_bf16, &store_bf16};
  } else if constexpr (Codec::map == Map::Dynamic && Codec::values_per_stored == 1) {
    return {[](const void* stored, const float* absmax, int count, void* x) {
              decode_block<kBook>(static_cast<const uint8_t*>(stored), *absmax, count,
                                  static_cast<float*>(x));
            },
            [](void* x, int count, const Encoding& how, void* stored, float* absmax) {
              encode_block<kBook>(static_cast<float*>(x), count, how, static_cast<uint8_t*>(stored), absmax);
            }};
  } else {
    return {&load_coded<Codec, kBook>, &store_coded<Codec, kBook>};
  }
}

#if HWY_TARGET != HWY_SSE4
// What gives the values of quads of codes, for blockwise8 and blockwise4.
template <class Codec, Book kBook>
using DecoderOf = std::conditional_t<Codec::values_per_stored == 2, PairDecoder<kBook>, QuadDecoder<kBook>>;
#endif

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
