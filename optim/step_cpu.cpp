// The CPU's StepTable: the step loop and the norm pass, compiled once for each SIMD level and chosen at run
// time. The level is core/cpu's (so OCTET_CPU rules here too): v2 is Highway's SSE4, v3 its AVX2, v4 its
// AVX3_DL, where the CPU has it (Intel since Ice Lake, AMD since Zen 4); others with AVX-512 take v3's.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (~(HWY_SSE4 | HWY_AVX2 | HWY_AVX3_DL))
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/step_cpu.cpp"
#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>
#include "optim/cpu/codecs-inl.h"
#include "optim/cpu/coded_step-inl.h"
#include "optim/cpu/kernels.h"
#include "optim/cpu/matrix-inl.h"
#include "optim/cpu/norm-inl.h"
#include "optim/cpu/step-inl.h"
#include "optim/cpu/survey-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// The functions of one level.
const LevelKernels* level_kernels() {
  static const LevelKernels table = [] {
    LevelKernels out{};
    Rules::for_each([&]<class Rule>(int rule) {
      out.step_double[rule] = &step_blocks<Rule, double, false>;
      out.step_direct[rule] = &step_blocks<Rule, float, false>;
      out.step_buffered[rule] = &step_blocks<Rule, float, true>;
#if HWY_TARGET != HWY_SSE4
      if constexpr (slot_count < Rule >> 0) {
        out.step_coded[Codecs::place_of<Blockwise8>()][rule] = &step_coded<Rule, Blockwise8>;
        out.step_coded[Codecs::place_of<Blockwise4>()][rule] = &step_coded<Rule, Blockwise4>;
      }
#endif
      set_survey_kernels<Rule>(out, rule);
      if constexpr (has_matrix_form<Rule>) {
        out.matrix_double[rule] = matrix_kernels<Rule, double>();
        out.matrix_float[rule] = matrix_kernels<Rule, float>();
      }
    });
    Codecs::for_each([&]<class Codec>(int codec) {
      out.io[codec] = {
          .by_book = {slot_io<Codec, Book::Signed>(), slot_io<Codec, Book::Unsigned>()},
          .bits = static_cast<int>(8 * sizeof(typename Codec::Stored)) / Codec::values_per_stored,
          .scale = Codec::scale};
    });
    out.sum_of_squares_float = &sum_of_squares<float>;
    out.sum_of_squares_double = &sum_of_squares<double>;
    out.sum_of_limited_squares_float = &sum_of_limited_squares<float>;
    out.sum_of_limited_squares_double = &sum_of_limited_squares<double>;
    return out;
  }();
  return &table;
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "core/cpu/thread_pool.h"
#include "optim/conclude.h"
#include "optim/cpu/survey.h"
#include "optim/registry.h"

namespace octet::optim {
namespace {

using cpu::Level;

bool in_double(const StepPlan& plan) { return codec_at(plan.codec).value == DType::F64; }

// Of the CPU itself: OCTET_CPU has no say here.
const bool kHasAvx3Dl = (hwy::SupportedTargets() & HWY_AVX3_DL) != 0;

const LevelKernels& kernels_of(Level level) {
  switch (level) {
    case Level::V4:
      if (kHasAvx3Dl) return *N_AVX3_DL::level_kernels();
      [[fallthrough]];
    case Level::V3:
      return *N_AVX2::level_kernels();
    case Level::V2:
      break;
  }
  return *HWY_STATIC_DISPATCH(level_kernels)();
}

// Calls body(plan, first block, last block, number of the run) for every run of every plan, on all threads. A
// run is chunks(plan) chunks.
template <class Chunks, class Body>
void for_each_run(const StepPlan* plans, int plan_count, const Chunks& chunks, const Body& body) {
  const auto runs = [&](const StepPlan& plan) {
    return (chunk_count(plan) + chunks(plan) - 1) / chunks(plan);
  };
  int64_t all = 0;
  for (int i = 0; i < plan_count; ++i) all += runs(plans[i]);
  cpu::parallel_for(all, [&](int64_t run) {
    int number = 0;
    int64_t index = run;
    for (; index >= runs(plans[number]); ++number) index -= runs(plans[number]);
    const StepPlan& plan = plans[number];
    const int64_t blocks = chunks(plan) * blocks_per_chunk(plan), first = index * blocks;
    body(plan, first, std::min(first + blocks, plan.block_count), run);
  });
}

// Large plans are stepped in longer runs: where one ends, a thread's streams of memory begin anew.
int64_t chunks_to_step(const StepPlan& plan) {
  const int64_t least = kChunk / (blocks_per_chunk(plan) * plan.block_size);
  return std::clamp<int64_t>(chunk_count(plan) / 256, least, 16);
}

// The sum of squares of the gradients in blocks [first, last).
double sum_of_squares(const LevelKernels& kernels, const StepPlan& plan, int64_t first, int64_t last) {
  const bool limited = std::isfinite(plan.max_value);
  const auto of = [&](const auto* gradient, int64_t count, const auto& all, const auto& within) {
    using T = std::remove_cvref_t<decltype(*gradient)>;
    return limited ? within(gradient, count, static_cast<T>(plan.max_value)) : all(gradient, count);
  };
  double sum = 0;
  for_each_range(plan, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
    if (!tensor.gradient) return;
    sum += in_double(plan) ? of(static_cast<const double*>(tensor.gradient) + from, to - from,
                                kernels.sum_of_squares_double, kernels.sum_of_limited_squares_double)
                           : of(static_cast<const float*>(tensor.gradient) + from, to - from,
                                kernels.sum_of_squares_float, kernels.sum_of_limited_squares_float);
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
      const bool finite = in_double(plans[p]) ? all_finite<double>(tensor.gradient, tensor.count)
                                              : all_finite<float>(tensor.gradient, tensor.count);
      if (!finite) return before + t;
    }
  return -1;
}

template <Level kLevel>
void measure(Device, const StepPlan* plans, int plan_count, const NormClipping& clipping, OnNonFinite policy,
             double* partial, StepControl* control) {
  if (stopped(*control, policy)) return;
  const LevelKernels& kernels = kernels_of(kLevel);
  const auto one = [](const StepPlan&) { return int64_t{1}; };
  for_each_run(plans, plan_count, one, [&](const StepPlan& plan, int64_t first, int64_t last, int64_t chunk) {
    partial[chunk] = sum_of_squares(kernels, plan, first, last);
  });
  double sum = 0;
  for (int64_t i = 0, n = partial_count(plans, plan_count); i < n; ++i) sum += partial[i];
  const int32_t bad = std::isfinite(sum) ? -1 : first_bad_tensor(plans, plan_count);
  conclude(sum, bad, clipping, largest_norm(plans, plan_count), policy, *control);
  if (control->bad_tensor < 0)
    for (int i = 0; i < plan_count; ++i) write_constants(plans[i], control->lr_factor, control->steps);
}

template <Level kLevel>
void step(Device, const StepPlan* plans, int plan_count, const StepControl* control) {
  if (control->bad_tensor >= 0) return;
  const LevelKernels& kernels = kernels_of(kLevel);
  for (const StepPlan& plan : std::span(plans, static_cast<size_t>(plan_count))) {
    if (plan.matrices)
      step_matrices(kernels, plan, *control);
    else if (plan.survey)
      survey_plan(kernels, plan, *control);
  }
  const auto step_run = [&](const StepPlan& plan, int64_t first, int64_t last, int64_t) {
    if (plan.matrices) return;
    const CodecInfo& codec = codec_at(plan.codec);
    const auto* steps = kernels.step_coded[plan.codec][plan.rule] ? kernels.step_coded[plan.codec]
                        : codec.stored != codec.value             ? kernels.step_buffered
                        : codec.value == DType::F64               ? kernels.step_double
                                                                  : kernels.step_direct;
    steps[plan.rule](plan, kernels.io[plan.codec], first, last, *control);
  };
  for_each_run(plans, plan_count, chunks_to_step, step_run);
}

// Runs body(first element, elements, first block) over blocks of whole tensors.
template <class Body>
void for_each_block(int64_t count, int block_size, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, kChunk / block_size) * block_size;
  cpu::parallel_ranges(count, grain, [&](int64_t begin, int64_t end) {
    for (; begin < end; begin += block_size)
      body(begin, static_cast<int>(std::min<int64_t>(block_size, end - begin)), begin / block_size);
  });
}

// Of the bits, as in a block: so what is not finite is larger than what is.
float largest_of(const float* x, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFu);
  return std::bit_cast<float>(largest);
}

template <Level kLevel>
void encode(Device, int codec, Book book, const Encoding& how, int block_size, const void* values,
            int64_t count, void* stored, float* absmax) {
  const CodecIo& io = kernels_of(kLevel).io[codec];
  const int64_t value_bytes = static_cast<int64_t>(size_of(codec_at(codec).value));
  if (io.scale == Scale::Tensor && count > 0) *absmax = largest_of(static_cast<const float*>(values), count);
  for_each_block(count, block_size, [&](int64_t first, int n, int64_t block) {
    alignas(64) std::byte buffer[kMaxBlock * sizeof(double)];  // store() may change its values
    std::memcpy(buffer, at(values, first * value_bytes), static_cast<size_t>(n * value_bytes));
    Encoding block_how = how;
    block_how.given_absmax = io.scale == Scale::Tensor;
    block_how.dither_key = dither_bits(how.dither_key, static_cast<uint32_t>(first));
    io.by_book[static_cast<int>(book)].store(buffer, n, block_how, at(stored, io.stored_bytes(first)),
                                             io.scale == Scale::Block ? absmax + block : absmax);
  });
}

template <Level kLevel>
void decode(Device, int codec, Book book, int block_size, const void* stored, const float* absmax,
            int64_t count, void* values) {
  const CodecIo& io = kernels_of(kLevel).io[codec];
  const int64_t value_bytes = static_cast<int64_t>(size_of(codec_at(codec).value));
  for_each_block(count, block_size, [&](int64_t first, int n, int64_t block) {
    io.by_book[static_cast<int>(book)].load(at(stored, io.stored_bytes(first)),
                                            io.scale == Scale::Block ? absmax + block : absmax, n,
                                            at(values, first * value_bytes));
  });
}

template <Level kLevel>
constexpr StepTable table{.measure = measure<kLevel>,
                          .step = step<kLevel>,
                          .average = average_on_cpu,
                          .encode = encode<kLevel>,
                          .decode = decode<kLevel>};

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
