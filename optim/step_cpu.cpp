// The CPU's StepTable: the step loop and the norm pass, compiled once for each SIMD level and chosen at run
// time. The level is core/cpu's (so OCTET_CPU rules here too): v2 is Highway's SSE4, v3 its AVX2, v4 its
// AVX3.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/step_cpu.cpp"
#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>
#include "optim/cpu/kernels.h"
#include "optim/cpu/norm-inl.h"
#include "optim/cpu/step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// The functions of one level, by rule and codec.
const LevelKernels* level_kernels() {
  static const LevelKernels table = [] {
    LevelKernels out{};
    Rules::for_each([&]<class Rule>(int rule) {
      Codecs::for_each(
          [&]<class Codec>(int codec) { out.step_blocks[rule][codec] = &step_blocks<Rule, Codec>; });
    });
    Codecs::for_each([&]<class Codec>(int codec) {
      using Value = typename Codec::Value;
      out.sum_of_squares[codec] = [](const void* x, int64_t count) {
        return sum_of_squares(static_cast<const Value*>(x), count);
      };
      out.encode[codec] = &encode_blocks<Codec>;
      out.decode[codec] = &decode_blocks<Codec>;
    });
    return out;
  }();
  return &table;
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

#include "core/cpu/thread_pool.h"
#include "optim/conclude.h"

namespace octet::optim {
namespace {

using cpu::Level;

const LevelKernels& kernels_of(Level level) {
  switch (level) {
    case Level::V4:
      return *N_AVX3::level_kernels();
    case Level::V3:
      return *N_AVX2::level_kernels();
    case Level::V2:
      break;
  }
  return *HWY_STATIC_DISPATCH(level_kernels)();
}

// Calls body(plan, number of the plan, first block, last block, chunk) for every chunk of every plan, on all
// threads.
template <class Body>
void for_each_chunk(const StepPlan* plans, int plan_count, const Body& body) {
  cpu::parallel_for(partial_count(plans, plan_count), [&](int64_t chunk) {
    int number = 0;
    int64_t index = chunk;
    for (; index >= chunk_count(plans[number]); ++number) index -= chunk_count(plans[number]);
    const StepPlan& plan = plans[number];
    const int64_t first = index * blocks_per_chunk(plan);
    body(plan, number, first, std::min(first + blocks_per_chunk(plan), plan.block_count), chunk);
  });
}

// The sum of squares of the gradients in blocks [first, last).
double sum_of_squares(const LevelKernels& kernels, const StepPlan& plan, int64_t first, int64_t last) {
  double sum = 0;
  for_each_range(plan, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
    if (tensor.gradient)
      sum += kernels.sum_of_squares[plan.codec](
          static_cast<const std::byte*>(tensor.gradient) + from * value_size(plan.codec), to - from);
  });
  return sum;
}

template <class T>
bool all_finite(const void* x, int64_t count) {
  const T* values = static_cast<const T*>(x);
  return std::all_of(values, values + count, [](T v) { return std::isfinite(v); });
}

// The first tensor, counted over all plans, whose gradient is not finite; -1 if none (the sum of squares of
// doubles may overflow where every one is finite).
int32_t first_bad_tensor(const StepPlan* plans, int plan_count) {
  int32_t before = 0;
  for (int p = 0; p < plan_count; before += plans[p++].tensor_count)
    for (int t = 0; t < plans[p].tensor_count; ++t) {
      const StepTensor& tensor = plans[p].tensors[t];
      if (!tensor.gradient) continue;
      const bool finite = value_size(plans[p].codec) == sizeof(float)
                              ? all_finite<float>(tensor.gradient, tensor.count)
                              : all_finite<double>(tensor.gradient, tensor.count);
      if (!finite) return before + t;
    }
  return -1;
}

template <Level kLevel>
void measure(Device, const StepPlan* plans, int plan_count, double max_norm, OnNonFinite policy,
             double* partial, StepControl* control) {
  if (stopped(*control, policy)) return;
  const LevelKernels& kernels = kernels_of(kLevel);
  for_each_chunk(plans, plan_count,
                 [&](const StepPlan& plan, int, int64_t first, int64_t last, int64_t chunk) {
                   partial[chunk] = sum_of_squares(kernels, plan, first, last);
                 });
  double sum = 0;
  for (int64_t i = 0, n = partial_count(plans, plan_count); i < n; ++i) sum += partial[i];
  const int32_t bad = std::isfinite(sum) ? -1 : first_bad_tensor(plans, plan_count);
  conclude(sum, bad, max_norm, policy, *control);
  if (bad < 0)
    for (int i = 0; i < plan_count; ++i) write_constants(plans[i], *control);
}

template <Level kLevel>
void step(Device, const StepPlan* plans, int plan_count, const StepControl* control) {
  if (control->bad_tensor >= 0) return;
  const LevelKernels& kernels = kernels_of(kLevel);
  for_each_chunk(plans, plan_count, [&](const StepPlan& plan, int, int64_t first, int64_t last, int64_t) {
    kernels.step_blocks[plan.rule][plan.codec](plan, first, last, control->scale);
  });
}

// Runs body(first element, elements) over chunks of whole blocks.
template <class Body>
void for_each_span(int64_t count, int block_size, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, kChunk / block_size) * block_size;
  cpu::parallel_ranges(count, grain, [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

template <Level kLevel>
void encode(Device, int codec, Book book, SecondMoment mode, int block_size, const void* values,
            int64_t count, void* stored, float* absmax) {
  for_each_span(count, block_size, [&](int64_t first, int64_t n) {
    kernels_of(kLevel).encode[codec](book, mode, block_size, at(values, first * value_size(codec)), n,
                                     at(stored, first * stored_size(codec)),
                                     absmax ? absmax + first / block_size : nullptr);
  });
}

template <Level kLevel>
void decode(Device, int codec, Book book, int block_size, const void* stored, const float* absmax,
            int64_t count, void* values) {
  for_each_span(count, block_size, [&](int64_t first, int64_t n) {
    kernels_of(kLevel).decode[codec](book, block_size, at(stored, first * stored_size(codec)),
                                     absmax ? absmax + first / block_size : nullptr, n,
                                     at(values, first * value_size(codec)));
  });
}

template <Level kLevel>
constexpr StepTable table{
    .measure = measure<kLevel>, .step = step<kLevel>, .encode = encode<kLevel>, .decode = decode<kLevel>};

}  // namespace

const StepTable& cpu_steps(cpu::Level level) {
  switch (level) {
    case Level::V4:
      return table<Level::V4>;
    case Level::V3:
      return table<Level::V3>;
    case Level::V2:
      break;
  }
  return table<Level::V2>;
}

const StepTable& cpu_steps() { return cpu_steps(cpu::level()); }

}  // namespace octet::optim
#endif  // HWY_ONCE
