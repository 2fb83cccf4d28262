// The running average of weights on the CPU.
#include <algorithm>

#include "core/cpu/thread_pool.h"
#include "optim/cpu/kernels.h"

namespace octet::optim {
namespace {

template <class T, class Weight>
void average_range(const Weight* __restrict__ weight, T* __restrict__ average, int64_t count, T rest) {
  for (int64_t i = 0; i < count; ++i) average[i] += rest * (static_cast<T>(weight[i]) - average[i]);
}

template <class T, class Weight>
void average_chunk(const AverageTensor& tensor, int64_t from, int64_t count, bool first, double rest) {
  const Weight* weight = static_cast<const Weight*>(tensor.weight) + from;
  T* average = static_cast<T*>(tensor.average) + from;
  if (first) {
    std::transform(weight, weight + count, average, [](Weight w) { return static_cast<T>(w); });
  } else {
    average_range(weight, average, count, static_cast<T>(rest));
  }
}

}  // namespace

void average_on_cpu(Device, const AveragePlan& plan, const StepControl* control) {
  if (control->bad_tensor >= 0) return;
  cpu::parallel_for(plan.chunk_count, [&](int64_t chunk) {
    const auto starts_after = [](int64_t c, const AverageTensor& t) { return c < t.first_chunk; };
    const AverageTensor& tensor =
        *(std::upper_bound(plan.tensors, plan.tensors + plan.tensor_count, chunk, starts_after) - 1);
    const int64_t from = (chunk - tensor.first_chunk) * kChunk;
    const int64_t count = std::min(kChunk, tensor.count - from);
    const auto average = plan.in_double       ? average_chunk<double, double>
                         : tensor.bf16_weight ? average_chunk<float, BFloat16>
                                              : average_chunk<float, float>;
    average(tensor, from, count, control->steps == 1, plan.rest);
  });
}

}  // namespace octet::optim
