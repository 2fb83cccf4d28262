// The step loop for blockwise8 and blockwise4 with AVX2 and AVX-512: one quad after another is decoded and
// updated by the rule, and blocks are encoded some time later; with AVX-512 the next quad is decoded beside
// the rule, and usual blocks of blockwise8 are encoded there. For other codecs and SSE4 step-inl.h does it in
// passes over a buffer.
#if defined(OCTET_OPTIM_CPU_CODED_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#undef OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#else
#define OCTET_OPTIM_CPU_CODED_STEP_INL_H_
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <tuple>
#include <utility>

#include <hwy/highway.h>
#include "optim/cpu/block_encoder-inl.h"
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
  using Base::kSlots, Base::plan_, Base::step_, Base::scale_, Base::max_value_, Base::update_;

 public:
  using Base::Base;

  // Blocks [first, last) of the plan.
  void operator()(int64_t first, int64_t last) {
    for_each_range(plan_, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
      if (!tensor.gradient) return;
      const int64_t whole = to / plan_.block_size;
      if (from / plan_.block_size < whole)
        step_whole(tensor, from / plan_.block_size, whole, std::make_index_sequence<kSlots>());
      if (whole * plan_.block_size < to) Base::step_block(tensor, whole);
    });
  }

 private:
  static_assert(kMinBlock % kQuad == 0, "a whole block is whole quads");

  // With AVX-512, dividers, table look-ups and arithmetic have work at all times, and memory too, where a
  // rule's vectors have beside them the next quad to decode and vectors of an earlier block to encode.
  static constexpr bool kDecodesAhead = HWY_TARGET == HWY_AVX3_DL;
  // Elements by which encoding stays behind, so that nobody waits for an absmax; at least a block.
  static constexpr int kBehind = 512;

  // Blocks [first, last) of a tensor, all of them whole and at least one.
  template <size_t... kSlot>
  HWY_NOINLINE void step_whole(const StepTensor& tensor, int64_t first, int64_t last,
                               std::index_sequence<kSlot...>) {
    // Copies, which nothing that is stored below can change.
    const StepTensor at = tensor;
    const auto rule = update_;
    const int size = plan_.block_size, behind = behind_;
    const bool bf16_weights = plan_.bf16_weights, signed_absmax = plan_.signed_absmax;
    const float scale = scale_, max_value = max_value_, factor = factor_of<Rule, float>(plan_, tensor);
    const bool as_they_are = scale == 1 && !(max_value < std::numeric_limits<float>::infinity());
    const std::tuple decoders{DecoderOf<Codec, Rule::slots[kSlot].book>()...};
    std::tuple encoders{Encoder<kSlot>(encoding_of(plan_, at.salt, Rule::slots[kSlot], 0))...};

    // The old state of a quad and, where it is decoded ahead, of the one after it.
    HWY_ALIGN float old[2][kSlots][kQuad];
    int now = 0;
    // Decodes one part of the quad from element `from` of a block on.
    const auto decode = [&](auto part, int64_t block, int from, int to) HWY_ATTR
        __attribute__((always_inline)) {
      (std::get<kSlot>(decoders).template decode<part>(
           stored<kSlot>(at, block * size + from), hn::Set(F32(), at.absmax[kSlot][block]), old[to][kSlot]),
       ...);
    };

    // Leaves the new state of a block in its values(), and its absmax. `beside`: encode an earlier one.
    const auto update = [&](int64_t block, auto&&... beside) HWY_ATTR __attribute__((always_inline)) {
      const int64_t start = block * size;
      float* const fresh[] = {values<kSlot>(block)...};
      if (HWY_UNLIKELY(bf16_weights)) send_ahead(at.weight, start, size, kBFloat16Bits);
      float* const weights = block_weights_.load(at, start, size);
      LargestMagnitude largest[kSlots];
      HWY_ALIGN float changed_gradient[kQuad];
      for (int from = 0; from < size; from += kQuad) {
        if (!bf16_weights) send_ahead(at.weight, start + from, kQuad, kFloatBits);
        send_ahead(at.gradient, start + from, kQuad, kFloatBits);
        (send_ahead(at.state[kSlot], start + from, kQuad, 8 / Codec::values_per_stored), ...);
        const float* gradient = static_cast<const float*>(at.gradient) + start + from;
        if (HWY_UNLIKELY(!as_they_are)) {  // a choice for every vector would cost 4 to 17 %
          with_gradient(gradient, max_value, scale, [&](const auto& g) {
            for (int i = 0; i < kQuad; ++i) changed_gradient[i] = g(i);
          });
          gradient = changed_gradient;
        }
        if constexpr (!kDecodesAhead)
          each_part([&](auto part) HWY_ATTR
                    __attribute__((always_inline)) { decode(part, block, from, now); });
        const bool ends = from + kQuad == size;
        const int64_t next_block = ends ? std::min(block + 1, last - 1) : block;
        const int next_from = ends ? 0 : from + kQuad;
        each_part([&](auto part) HWY_ATTR __attribute__((always_inline)) {
          const int at_part = part * kLanes;
          HWY_ALIGN float state[kSlots][kLanes];  // kept in registers
          (hn::Store(hn::Load(F32(), old[now][kSlot] + at_part), F32(), state[kSlot]), ...);
          update_elements(
              rule, weights + from + at_part, [=](int k) { return gradient[at_part + k]; }, factor, kLanes,
              state[kSlot]...);
          const VF updated[] = {hn::Load(F32(), state[kSlot])...};
          (largest[kSlot].template add<Rule::slots[kSlot].book>(updated[kSlot]), ...);
          (hn::Store(updated[kSlot], F32(), fresh[kSlot] + from + at_part), ...);
          (beside.template add<part>(from), ...);
          if constexpr (kDecodesAhead) decode(part, next_block, next_from, 1 - now);
        });
        (beside.finish(from), ...);
        if constexpr (kDecodesAhead) now = 1 - now;
      }
      block_weights_.store(at, start, size);
      ((at.absmax[kSlot][block] = largest[kSlot].template value<Rule::slots[kSlot].book>(
            Rule::slots[kSlot].book == Book::Signed && signed_absmax)),
       ...);
    };

    if constexpr (kDecodesAhead)
      each_part([&](auto part) HWY_ATTR __attribute__((always_inline)) { decode(part, first, 0, now); });
    for (int64_t block = first; block < last; ++block) {
      const int64_t earlier = block - behind;
      const Encoding how[] = {block_encoding<Rule, kSlot>(plan_, at, earlier * size, step_)...};
      const Reciprocal reciprocal[] = {Reciprocal(earlier < first ? 0 : at.absmax[kSlot][earlier])...};
      if ((Encoder<kSlot>::can(how[kSlot], reciprocal[kSlot]) && ...)) {
        (std::get<kSlot>(encoders).begin(how[kSlot], values<kSlot>(earlier), reciprocal[kSlot].factor,
                                         stored<kSlot>(at, earlier * size)),
         ...);
        update(block, std::get<kSlot>(encoders)...);
      } else {
        update(block);
        if (earlier >= first) (encode<kSlot>(tensor, earlier), ...);
      }
    }
    for (int64_t block = std::max(first, last - behind); block < last; ++block)
      (encode<kSlot>(tensor, block), ...);
  }

  template <size_t kSlot>
  using Encoder = EncoderBeside<Codec, Rule::slots[kSlot].book, dithers(Rule::slots[kSlot])>;

  template <size_t kSlot>
  void encode(const StepTensor& tensor, int64_t block) {
    const int64_t first = block * plan_.block_size;
    Encoding how = block_encoding<Rule, kSlot>(plan_, tensor, first, step_);
    how.given_absmax = true;
    slot_io<Codec, Rule::slots[kSlot].book>().store(values<kSlot>(block), plan_.block_size, how,
                                                    stored<kSlot>(tensor, first),
                                                    tensor.absmax[kSlot] + block);
  }

  // Of the codes from an even element on.
  template <size_t kSlot>
  static HWY_INLINE uint8_t* stored(const StepTensor& tensor, int64_t element) {
    return static_cast<uint8_t*>(tensor.state[kSlot]) + element / Codec::values_per_stored;
  }
  // Of this block and those that are not encoded yet.
  template <size_t kSlot>
  HWY_INLINE float* values(int64_t block) {
    return values_.data() + kSlot * kRing + (block & last_place_) * (plan_.block_size + kGap);
  }

  Weights<float, kMaxBlock> block_weights_{plan_, step_};
  const int behind_ = std::max(1, kBehind / plan_.block_size);  // in blocks
  const int64_t last_place_ = std::bit_ceil(static_cast<unsigned>(behind_) + 1) - 1;
  static constexpr size_t kRing = 2 * (kMaxBlock + kGap);  // also 16 of kMinBlock
  static_assert(2 * kBehind / kMinBlock * (kMinBlock + kGap) <= kRing);
  HWY_ALIGN std::array<float, kSlots * kRing> values_;
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
