// The step loop of the CPU, but for what coded_step-inl.h does with AVX2 or more: any rule, block by
// block, with any codec behind two pointers. The rule is a scalar functor; the compiler vectorises the loop
// around it for each SIMD level. Contraction is off, so every level rounds alike.
#if defined(OCTET_OPTIM_CPU_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_STEP_INL_H_
#undef OCTET_OPTIM_CPU_STEP_INL_H_
#else
#define OCTET_OPTIM_CPU_STEP_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include <hwy/highway.h>
#include "optim/cpu/bf16-inl.h"
#include "optim/cpu/kernels.h"
#include "optim/survey.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Calls body(g) where g(i) is gradient i, limited and scaled. Without a limit nothing is compared, which
// takes a third of the time of Adam's rule with AVX2.
template <class T, class Body>
HWY_INLINE void with_gradient(const T* gradient, T max_value, T scale, const Body& body) {
  if (max_value < std::numeric_limits<T>::infinity())
    body([=](int i) { return scale * limited(gradient[i], max_value); });
  else
    body([=](int i) { return scale * gradient[i]; });
}

// g(i): gradient i. state: one array a slot, [count] each.
template <class Update, class T, class Gradient, class... State>
HWY_INLINE void update_elements(const Update& update, T* HWY_RESTRICT weight, const Gradient& g, T factor,
                                int count, State* HWY_RESTRICT... state) {
  // A loop over the lanes of one vector would be unrolled into as many scalar steps before it is made into a
  // vector, which takes three times as long.
#pragma GCC unroll 1
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) {
    std::array<T, sizeof...(State)> s{state[i]...};
    apply(update, weight[i], g(i), s, factor);
    [[maybe_unused]] size_t slot = 0;
    ((state[i] = s[slot++]), ...);
  }
}

template <class Update, class T, class... State>
void update_block(const Update update, T* HWY_RESTRICT weight, const T* HWY_RESTRICT gradient, T max_value,
                  T scale, T factor, int count, State* HWY_RESTRICT... state) {
  with_gradient(gradient, max_value, scale,
                [&](const auto& g) { update_elements(update, weight, g, factor, count, state...); });
}

inline const TensorSurvey& survey_of(const StepPlan& plan, const StepTensor& tensor) {
  return tensor_surveys(plan)[&tensor - plan.tensors];
}
template <class Rule, class T>
T factor_of(const StepPlan& plan, const StepTensor& tensor) {
  if constexpr (has_factor<Rule>) return static_cast<T>(survey_of(plan, tensor).factor);
  return T(1);
}

// Elements that are decoded and then updated at a time. Of a whole block, the loads of codes and those of
// weights and gradients come in turns, which leaves memory idle long enough to be felt. fp32 state gains as
// well.
constexpr int kStretch = 128;

// How far ahead, in elements, a step with buffered state sends for its memory: while it computes, the CPU's
// own prefetching falls asleep.
constexpr int kAhead = 512;

// Sends for the memory that values [from, from + count) of an array have kAhead further on; beyond its end
// that does nothing. bits: of a value.
HWY_INLINE void send_ahead(const void* data, int64_t from, int count, size_t bits) {
  const auto bytes = [=](int64_t n) {
    const auto values = static_cast<size_t>(n);
    return bits < 8 ? values / (8 / bits) : values * (bits / 8);
  };
  const auto now = reinterpret_cast<uintptr_t>(data) + bytes(from);
  // Not the builtin: GCC takes what only prefetches for a function without effect, and may drop its calls.
  for (size_t i = 0; i < bytes(count); i += 64)
    asm volatile("prefetcht0 %0" ::"m"(*reinterpret_cast<const char*>(now + bytes(kAhead) + i)));
}
constexpr size_t kFloatBits = 32, kBFloat16Bits = 16;

// Of the block that begins with element `first`.
template <class Rule, size_t kSlot>
HWY_INLINE Encoding block_encoding(const StepPlan& plan, const StepTensor& tensor, int64_t first,
                                   int64_t step) {
  Encoding out = encoding_of(plan, tensor.salt, Rule::slots[kSlot], dither_base(plan.seed, kSlot, step));
  out.dither_key = dither_bits(out.dither_key, static_cast<uint32_t>(first));
  return out;
}

// The weights of a tensor where a rule can work on them: where they are, or a copy of some if they are bf16,
// whose new values go back rounded.
template <class T, int kMost>
class Weights {
 public:
  Weights(const StepPlan& plan, int64_t step)
      : plan_(plan), dither_base_(dither_base(plan.seed, kWeightSlot, step)) {}

  // Of elements [first, first + count); count at most kMost.
  HWY_INLINE T* load(const StepTensor& tensor, int64_t first, int count) {
    if (!plan_.bf16_weights) return static_cast<T*>(tensor.weight) + first;
    load_bf16(static_cast<const BFloat16*>(tensor.weight) + first, nullptr, count, copy_.data());
    return copy_.data();
  }
  // What load() with the same elements gave.
  HWY_INLINE void store(const StepTensor& tensor, int64_t first, int count) {
    if (!plan_.bf16_weights) return;
    Encoding how = weight_encoding(plan_, tensor.salt, dither_base_);
    how.dither_key = dither_bits(how.dither_key, static_cast<uint32_t>(first));
    store_bf16(copy_.data(), count, how, static_cast<BFloat16*>(tensor.weight) + first, nullptr);
  }

 private:
  const StepPlan& plan_;
  const uint32_t dither_base_;
  HWY_ALIGN std::array<T, kMost> copy_;
};
// Doubles have nothing narrower.
template <int kMost>
class Weights<double, kMost> {
 public:
  Weights(const StepPlan&, int64_t) {}
  HWY_INLINE double* load(const StepTensor& tensor, int64_t first, int) {
    return static_cast<double*>(tensor.weight) + first;
  }
  HWY_INLINE void store(const StepTensor&, int64_t, int) {}
};

// Between the values of two slots or blocks, lest they be a power of two apart and fall into the same cache
// sets.
constexpr int kGap = 64;

// Steps blocks [first, last) of the plan. kBuffered: state is read into a buffer and written back through
// `io`; otherwise the rule works on the state itself.
template <class Rule, class T, bool kBuffered>
class BlockStepper {
 public:
  BlockStepper(const StepPlan& plan, const CodecIo& io, const StepControl& control)
      : plan_(plan),
        io_(io),
        step_(control.steps),
        max_value_(static_cast<T>(plan.max_value)),
        scale_(static_cast<T>(control.scale)),
        weights_(plan, control.steps) {
    static_assert(kSlots <= kMaxSlots);
    std::memcpy(&update_, plan.update, sizeof update_);
  }

  void operator()(int64_t first, int64_t last) {
    for_each_range(plan_, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
      if (!tensor.gradient) return;
      for (; from < to; from += plan_.block_size) step_block(tensor, from / plan_.block_size);
    });
  }
  void step_block(const StepTensor& tensor, int64_t block) {
    step_block(tensor, block, std::make_index_sequence<kSlots>());
  }

 protected:
  static constexpr size_t kSlots = slot_count<Rule>;

  const StepPlan& plan_;
  const CodecIo& io_;
  const int64_t step_;
  const T max_value_, scale_;
  typename Rule::template Update<T> update_;
  Weights<T, kStretch> weights_;
  HWY_ALIGN std::array<T, (kBuffered ? kSlots * (kMaxBlock + kGap) : 0)> buffer_;

 private:
  template <size_t... kSlot>
  void step_block(const StepTensor& tensor, int64_t block, std::index_sequence<kSlot...>) {
    const int64_t first = block * plan_.block_size;
    const int count = static_cast<int>(std::min<int64_t>(plan_.block_size, tensor.count - first));
    const T* const gradient = static_cast<const T*>(tensor.gradient) + first;
    const T factor = factor_of<Rule, T>(plan_, tensor);
    const auto absmax = [&](size_t slot) {
      return io_.scale == Scale::None ? nullptr
                                      : tensor.absmax[slot] + (io_.scale == Scale::Block ? block : 0);
    };
    const auto old_absmax = [&](size_t slot) {
      return io_.scale == Scale::Tensor ? survey_of(plan_, tensor).old_absmax + slot : absmax(slot);
    };
    const auto stored = [&](size_t slot, int64_t from) {
      return at(tensor.state[slot], io_.stored_bytes(first + from));
    };
    // Where the rule works: on the buffer, or on the state itself.
    const auto values = [&](size_t slot) {
      return kBuffered ? buffer_.data() + slot * static_cast<size_t>(plan_.block_size + kGap)
                       : static_cast<T*>(tensor.state[slot]) + first;
    };
    for (int from = 0, n; from < count; from += n) {
      n = std::min(kStretch, count - from);
      if constexpr (kBuffered) {
        send_ahead(tensor.weight, first + from, n, plan_.bf16_weights ? kBFloat16Bits : kFloatBits);
        send_ahead(tensor.gradient, first + from, n, kFloatBits);
        (send_ahead(tensor.state[kSlot], first + from, n, io_.bits), ...);
        (slot_io<kSlot>().load(stored(kSlot, from), old_absmax(kSlot), n, values(kSlot) + from), ...);
      }
      update_block(update_, weights_.load(tensor, first + from, n), gradient + from, max_value_, scale_,
                   factor, n, (values(kSlot) + from)...);
      weights_.store(tensor, first + from, n);
    }
    if constexpr (kBuffered)
      (slot_io<kSlot>().store(values(kSlot), count, encoding<kSlot>(tensor, first), stored(kSlot, 0),
                              absmax(kSlot)),
       ...);
  }

  template <size_t kSlot>
  const SlotIo& slot_io() const {
    return io_.by_book[static_cast<size_t>(Rule::slots[kSlot].book)];
  }
  template <size_t kSlot>
  Encoding encoding(const StepTensor& tensor, int64_t first) const {
    Encoding out = block_encoding<Rule, kSlot>(plan_, tensor, first, step_);
    out.given_absmax = io_.scale == Scale::Tensor;
    return out;
  }
};

template <class Rule, class T, bool kBuffered>
void step_blocks(const StepPlan& plan, const CodecIo& io, int64_t first, int64_t last,
                 const StepControl& control) {
  BlockStepper<Rule, T, kBuffered>(plan, io, control)(first, last);
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
