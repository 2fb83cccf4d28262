// The survey of one piece of a tensor on the CPU: what the step would compute there, without storing it.
#if defined(OCTET_OPTIM_CPU_SURVEY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_SURVEY_INL_H_
#undef OCTET_OPTIM_CPU_SURVEY_INL_H_
#else
#define OCTET_OPTIM_CPU_SURVEY_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <hwy/highway.h>
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/norm-inl.h"
#include "optim/cpu/step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// state: one array a slot, [count] each.
template <class Update, class T, class... State>
void measure_block(const Update update, const T* HWY_RESTRICT weight, const T* HWY_RESTRICT gradient,
                   T max_value, T scale, int count, T* HWY_RESTRICT out, const State* HWY_RESTRICT... state) {
  with_gradient(gradient, max_value, scale, [&](const auto& g) {
#pragma GCC ivdep
    for (int i = 0; i < count; ++i) {
      std::array<T, sizeof...(State)> s{state[i]...};
      out[i] = measured(update, weight[i], g(i), s);
    }
  });
}

// kBuffered as in the step: state is read through `io`, otherwise it lies there as it is.
template <class Rule, class T, bool kBuffered>
class Surveyor {
 public:
  Surveyor(const StepPlan& plan, const CodecIo& io, const StepControl& control)
      : plan_(plan),
        io_(io),
        max_value_(static_cast<T>(plan.max_value)),
        scale_(static_cast<T>(control.scale)),
        weights_(plan, control.steps) {
    std::memcpy(&update_, plan.update, sizeof update_);
  }

  // The sums of squares over the elements [from, to).
  void sums(const StepTensor& tensor, int64_t from, int64_t to, SurveyPiece& out) {
    out.weight = out.measured = 0;
    for_each_block(
        tensor, from, to, [&]<size_t... kSlot>(int64_t first, int count, std::index_sequence<kSlot...>) {
          const T* const weight = weights_.load(tensor, first, count);
          const T* const gradient = static_cast<const T*>(tensor.gradient) + first;
          if constexpr (measures_state<Rule>) {
            measure_block(update_, weight, gradient, max_value_, scale_, count, other_.data(),
                          state<kSlot>(tensor, first, count)...);
          } else {
            measure_block(update_, weight, gradient, max_value_, scale_, count, other_.data());
          }
          out.weight += sum_of_squares(weight, count);
          out.measured += sum_of_squares(other_.data(), count);
        });
  }

  // The largest magnitude of each slot's new values in [from, to).
  void maxima(const StepTensor& tensor, int64_t from, int64_t to, SurveyPiece& out) {
    static_assert(kBuffered);
    std::fill(out.largest, out.largest + kMaxSlots, 0.0f);
    for_each_block(
        tensor, from, to, [&]<size_t... kSlot>(int64_t first, int count, std::index_sequence<kSlot...>) {
          std::copy_n(weights_.load(tensor, first, count), count, other_.data());
          (state<kSlot>(tensor, first, count), ...);
          update_block(update_, other_.data(), static_cast<const T*>(tensor.gradient) + first, max_value_,
                       scale_, factor_of<Rule, T>(plan_, tensor), count, values<kSlot>()...);
          ((out.largest[kSlot] = largest(out.largest[kSlot],
                                         largest_magnitude<Rule::slots[kSlot].book>(values<kSlot>(), count))),
           ...);
        });
  }

 private:
  static constexpr size_t kSlots = slot_count<Rule>;

  template <class Body>
  void for_each_block(const StepTensor&, int64_t from, int64_t to, const Body& body) {
    for (; from < to; from += plan_.block_size)
      body(from, static_cast<int>(std::min<int64_t>(plan_.block_size, to - from)),
           std::make_index_sequence<kSlots>());
  }
  // As bits: what is not finite is larger than what is.
  static float largest(float a, float b) {
    return std::bit_cast<uint32_t>(a) > std::bit_cast<uint32_t>(b) ? a : b;
  }
  template <size_t kSlot>
  T* values() {
    return buffer_.data() + kSlot * static_cast<size_t>(plan_.block_size + kGap);
  }
  template <size_t kSlot>
  const T* state(const StepTensor& tensor, int64_t first, int count) {
    if constexpr (!kBuffered) {
      return static_cast<const T*>(tensor.state[kSlot]) + first;
    } else {
      const float* absmax = io_.scale == Scale::None     ? nullptr
                            : io_.scale == Scale::Tensor ? tensor.absmax[kSlot]
                                                         : tensor.absmax[kSlot] + first / plan_.block_size;
      io_.by_book[static_cast<size_t>(Rule::slots[kSlot].book)].load(
          at(tensor.state[kSlot], io_.stored_bytes(first)), absmax, count, values<kSlot>());
      return values<kSlot>();
    }
  }

  const StepPlan& plan_;
  const CodecIo& io_;
  const T max_value_, scale_;
  typename Rule::template Update<T> update_;
  Weights<T, kMaxBlock> weights_;
  HWY_ALIGN std::array<T, kMaxBlock> other_;
  HWY_ALIGN std::array<T, (kBuffered ? kSlots * (kMaxBlock + kGap) : 0)> buffer_;
};

template <class Rule, class T, bool kBuffered>
void survey_sums(const StepPlan& plan, const CodecIo& io, const StepTensor& tensor, int64_t from, int64_t to,
                 const StepControl& control, SurveyPiece& out) {
  Surveyor<Rule, T, kBuffered>(plan, io, control).sums(tensor, from, to, out);
}
template <class Rule>
void survey_maxima(const StepPlan& plan, const CodecIo& io, const StepTensor& tensor, int64_t from,
                   int64_t to, const StepControl& control, SurveyPiece& out) {
  Surveyor<Rule, float, true>(plan, io, control).maxima(tensor, from, to, out);
}

template <class Rule>
void set_survey_kernels(LevelKernels& out, int rule) {
  out.survey_maxima[rule] = &survey_maxima<Rule>;
  if constexpr (has_factor<Rule>) {
    out.survey_double[rule] = &survey_sums<Rule, double, false>;
    out.survey_direct[rule] = &survey_sums<Rule, float, false>;
    out.survey_buffered[rule] = &survey_sums<Rule, float, true>;
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
