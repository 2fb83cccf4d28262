// The step loop for blockwise8 and blockwise4 with AVX2 and AVX-512: codes are decoded in registers on their
// way to the rule, the largest magnitude is found behind it, and what the next blocks need is sent for in
// time. For other codecs and SSE4 step-inl.h does it in passes over a buffer.
#if defined(OCTET_OPTIM_CPU_CODED_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#undef OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#else
#define OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#endif

#include <algorithm>
#include <limits>
#include <utility>

#include <hwy/highway.h>
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/codecs-inl.h"
#include "optim/cpu/kernels.h"
#include "optim/cpu/step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SSE4
template <class Rule, class Codec>
class CodedStepper : BlockStepper<Rule, float, true> {
  static_assert(Codec::map == (Codec::values_per_stored == 2 ? Map::Powers4 : Map::Dynamic), "see DecoderOf");
  using Base = BlockStepper<Rule, float, true>;
  using Base::kSlots, Base::plan_, Base::step_, Base::scale_, Base::max_value_, Base::update_, Base::weights_;

 public:
  using Base::Base;

  // Blocks [first, last) of the plan.
  void operator()(int64_t first, int64_t last) {
    const int size = plan_.block_size, together = std::max(1, kTogether / size);
    for_each_range(plan_, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
      if (!tensor.gradient) return;
      const int64_t whole = to / size;
      for (int64_t block = from / size; block < whole; block += together)
        step_whole(tensor, block, static_cast<int>(std::min<int64_t>(together, whole - block)),
                   std::make_index_sequence<kSlots>());
      if (whole * size < to) Base::step_block(tensor, whole);
    });
  }

 private:
  // Elements whose blocks are updated before the first is encoded, so that nobody waits for an absmax.
  static constexpr int kTogether = 512;
  static_assert(kTogether <= kMaxBlock && kMinBlock % kQuad == 0, "a whole block is whole quads");

  // `count` whole blocks from `block` on.
  template <size_t... kSlot>
  void step_whole(const StepTensor& tensor, int64_t block, int count, std::index_sequence<kSlot...> slots) {
    const int size = plan_.block_size;
    for (int b = 0; b < count; ++b) update(tensor, block + b, b * size, slots);
    for (int b = 0; b < count; ++b) (encode<kSlot>(tensor, block + b, values<kSlot>() + b * size), ...);
  }

  // Leaves the new state of a block in the buffers from `place` on, and its absmax.
  template <size_t... kSlot>
  HWY_INLINE void update(const StepTensor& tensor, int64_t block, int place, std::index_sequence<kSlot...>) {
    constexpr int kLanes = kQuad / 4;
    const int64_t first = block * plan_.block_size;
    // Copies, which nothing that is stored below can change.
    const auto rule = update_;
    const float scale = scale_, max_value = max_value_, factor = factor_of<Rule, float>(plan_, tensor);
    const bool limits = max_value < std::numeric_limits<float>::infinity();
    const VF absmax[] = {hn::Set(F32(), tensor.absmax[kSlot][block])...};
    LargestMagnitude largest[kSlots];
    HWY_ALIGN float limited_gradient[kQuad];
    for (int from = 0; from < plan_.block_size; from += kQuad) {
      send_ahead<kSlots>(tensor, plan_.bf16_weights, first + from, kQuad, 8 / Codec::values_per_stored);
      float* const weight = weights_.load(tensor, first + from, kQuad);
      const float* gradient = static_cast<const float*>(tensor.gradient) + first + from;
      if (HWY_UNLIKELY(limits)) {  // not by with_gradient: a choice for every vector costs 4 to 17 %
        for (int i = 0; i < kQuad; ++i) limited_gradient[i] = limited(gradient[i], max_value);
        gradient = limited_gradient;
      }
      const Quad old[] = {decoder<kSlot>()(stored<kSlot>(tensor, first + from), absmax[kSlot])...};
      for (int i = 0; i < kQuad; i += kLanes) {
        const int to = place + from + i;
        HWY_ALIGN float state[kSlots][kLanes];  // kept in registers; the buffer would be stored to twice
        (hn::Store(old[kSlot].part[i / kLanes], F32(), state[kSlot]), ...);
        update_elements(
            rule, weight + i, [=](int k) { return scale * gradient[i + k]; }, factor, kLanes,
            state[kSlot]...);
        const VF updated[] = {hn::Load(F32(), state[kSlot])...};
        (largest[kSlot].template add<Rule::slots[kSlot].book>(updated[kSlot]), ...);
        (hn::Store(updated[kSlot], F32(), values<kSlot>() + to), ...);
      }
      weights_.store(tensor, first + from, kQuad);
    }
    ((tensor.absmax[kSlot][block] = largest[kSlot].template value<Rule::slots[kSlot].book>(
          Rule::slots[kSlot].book == Book::Signed && plan_.signed_absmax)),
     ...);
  }

  template <size_t kSlot>
  HWY_INLINE void encode(const StepTensor& tensor, int64_t block, float* values) {
    const int64_t first = block * plan_.block_size;
    Encoding how = block_encoding<Rule, kSlot>(plan_, tensor, first, step_);
    how.given_absmax = true;
    slot_io<Codec, Rule::slots[kSlot].book>().store(
        values, plan_.block_size, how, stored<kSlot>(tensor, first), tensor.absmax[kSlot] + block);
  }

  // Of the codes from an even element on.
  template <size_t kSlot>
  static HWY_INLINE uint8_t* stored(const StepTensor& tensor, int64_t element) {
    return static_cast<uint8_t*>(tensor.state[kSlot]) + element / Codec::values_per_stored;
  }
  template <size_t kSlot>
  HWY_INLINE float* values() {
    return this->buffer_.data() + kSlot * (kMaxBlock + kGap);
  }
  template <size_t kSlot>
  const auto& decoder() const {
    if constexpr (Rule::slots[kSlot].book == Book::Signed)
      return signed_decoder_;
    else
      return unsigned_decoder_;
  }

  DecoderOf<Codec, Book::Signed> signed_decoder_;
  DecoderOf<Codec, Book::Unsigned> unsigned_decoder_;
};

template <class Rule, class Codec>
void step_coded(const StepPlan& plan, const CodecIo& io, int64_t first, int64_t last,
                const StepControl& control) {
  CodedStepper<Rule, Codec>(plan, io, control)(first, last);
}
#endif

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
