// What a measure pass concludes from the sum of squares: one source for all devices.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/host_device.h"
#include "optim/clip.h"
#include "optim/step.h"

namespace octet::optim {

// True while an earlier bad step holds everything up.
OCTET_HD inline bool stopped(const StepControl& control, OnNonFinite policy) {
  return policy == OnNonFinite::Stop && control.bad_tensor >= 0;
}

template <class... Codec>
OCTET_HD constexpr bool computes_in_double(TypeList<Codec...>, int codec) {
  int place = 0;
  return (... || (place++ == codec && std::is_same_v<typename Codec::Value, double>));
}

// Gradients of a larger norm, clipped, are no step: squares of floats overflow from 2^64 on, and second
// moments that are infinite, or nearly, hold for ever. (What Adagrad sums up has room for 256 such steps.) No
// bound where all weights are doubles.
constexpr double kLargestNorm = 0x1p60;
inline double largest_norm(const StepPlan* plans, int plan_count) {
  for (int i = 0; i < plan_count; ++i)
    if (!computes_in_double(Codecs(), plans[i].codec)) return kLargestNorm;
  return HUGE_VAL;
}

// bad_tensor: -1 if there is none.
OCTET_HD inline void conclude(double sum_of_squares, int32_t bad_tensor, const NormClipping& clipping,
                              double largest_norm, OnNonFinite policy, StepControl& control) {
  using std::sqrt;
  control.norm = sqrt(sum_of_squares);
  if (bad_tensor < 0 && control.norm > largest_norm) {
    NormHistory trial = control.history;  // a bad step leaves no norm
    if (clip_scale(sum_of_squares, clipping, trial) * control.norm > largest_norm) bad_tensor = kAllTooLarge;
  }
  control.bad_tensor = bad_tensor;
  if (bad_tensor < 0) {
    control.scale = clip_scale(sum_of_squares, clipping, control.history);
    ++control.steps;
  } else if (policy == OnNonFinite::Skip) {
    ++control.skipped;
  }
}

template <class Rule, class T>
OCTET_HD void write_constants(const StepPlan& plan, const HyperParameters& hyper, int64_t step) {
  using Update = typename Rule::template Update<T>;
  static_assert(sizeof(Update) <= kUpdateBytes && alignof(Update) <= 16);
  static_assert(std::is_trivially_copyable_v<Update>);
  const Update update = Rule::template at<T>(hyper, step);
  std::memcpy(plan.update, &update, sizeof update);
}

template <class... Rule>
OCTET_HD void write_constants(TypeList<Rule...>, const StepPlan& plan, const HyperParameters& hyper,
                              int64_t step) {
  const bool in_double = computes_in_double(Codecs(), plan.codec);
  int place = 0;
  ((place++ != plan.rule ? void()
    : in_double          ? write_constants<Rule, double>(plan, hyper, step)
                         : write_constants<Rule, float>(plan, hyper, step)),
   ...);
}

// Writes plan.update for a step, the first being number 1.
OCTET_HD inline void write_constants(const StepPlan& plan, double lr_factor, int64_t step) {
  HyperParameters hyper = plan.hyper;
  hyper.lr *= lr_factor;
  write_constants(Rules(), plan, hyper, step);
}

}  // namespace octet::optim
