// The CPU's StepTable: the step loop and the norm pass, compiled once for each SIMD level and chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/step_cpu.cpp"
#include "hwy/foreach_target.h"
// After foreach_target:
#include "hwy/highway.h"
#include "optim/cpu/norm-inl.h"
#include "optim/cpu/step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// A function for each rule and codec.
struct Level {
  void (*step_blocks[Rules::size][Codecs::size])(const StepPlan& plan, int64_t first, int64_t last, double scale);
  double (*sum_of_squares[Codecs::size])(const void* x, int64_t count);
};

const Level* level() {
  static const Level table = [] {
    Level out{};
    Rules::for_each([&]<class Rule>(int rule) {
      Codecs::for_each([&]<class Codec>(int codec) { out.step_blocks[rule][codec] = &step_blocks<Rule, Codec>; });
    });
    Codecs::for_each([&]<class Codec>(int codec) {
      out.sum_of_squares[codec] = [](const void* x, int64_t count) {
        return sum_of_squares(static_cast<const typename Codec::Value*>(x), count);
      };
    });
    return out;
  }();
  return &table;
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

#include "optim/cpu/parallel_shim.h"

namespace octet::optim {
namespace {

HWY_EXPORT(level);

// Calls body(plan, first block, last block, chunk) for every chunk of every plan, on all threads.
template <class Body>
void for_each_chunk(const StepPlan* plans, int plan_count, const Body& body) {
  shim::parallel_for(partial_count(plans, plan_count), [&](int64_t chunk) {
    const StepPlan* plan = plans;
    int64_t index = chunk;
    while (index >= chunk_count(*plan)) index -= chunk_count(*plan++);
    const int64_t first = index * blocks_per_chunk(*plan);
    body(*plan, first, std::min(first + blocks_per_chunk(*plan), plan->block_count), chunk);
  });
}

// Calls body(tensor, first element, count) for the tensors that blocks [first, last) are in.
template <class Body>
void for_each_range(const StepPlan& plan, int64_t first, int64_t last, const Body& body) {
  for (int t = 0; t < plan.tensor_count; ++t) {
    const StepTensor& tensor = plan.tensors[t];
    const int64_t from = std::max(first - tensor.first_block, int64_t{0}) * plan.block_size;
    const int64_t to = std::min((last - tensor.first_block) * plan.block_size, tensor.count);
    if (tensor.gradient && from < to) body(t, from, to - from);
  }
}

template <class T>
bool all_finite(const void* x, int64_t count) {
  const T* values = static_cast<const T*>(x);
  return std::all_of(values, values + count, [](T v) { return std::isfinite(v); });
}

}  // namespace
}  // namespace octet::optim
#endif
