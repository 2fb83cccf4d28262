// The running average of weights: all tensors in one launch, which looks at the step's outcome where it lies.
#include <type_traits>

#include "cuda/launch.h"
#include "cuda/optim/steps.h"

namespace octet::cuda {
namespace {

// weights, averages: [count]
template <class Weight, class T>
__device__ void average_range(const Weight* __restrict__ weights, T* __restrict__ averages, int64_t count,
                              bool first, T rest) {
#pragma unroll 8
  for (int64_t i = threadIdx.x; i < count; i += kThreads) {
    const T weight = static_cast<T>(weights[i]);
    averages[i] = first ? weight : averages[i] + rest * (weight - averages[i]);
  }
}

// A block of threads has a chunk.
template <class T>
__global__ void __launch_bounds__(kThreads)
    average_kernel(const __grid_constant__ optim::AveragePlan plan, const optim::StepControl* control) {
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  int number = 0;  // of the last tensor that begins at this chunk or before it
  for (int after = plan.tensor_count; after - number > 1;) {
    const int middle = number + (after - number) / 2;
    (plan.tensors[middle].first_chunk <= blockIdx.x ? number : after) = middle;
  }
  const optim::AverageTensor tensor = plan.tensors[number];
  const int64_t from = (blockIdx.x - tensor.first_chunk) * optim::kChunk;
  const auto average = [&](const auto* weights) {
    average_range(weights + from, static_cast<T*>(tensor.average) + from,
                  min(optim::kChunk, tensor.count - from), control->steps == 1, static_cast<T>(plan.rest));
  };
  if constexpr (std::is_same_v<T, float>) {
    if (tensor.bf16_weight) return average(static_cast<const BFloat16*>(tensor.weight));
  }
  average(static_cast<const T*>(tensor.weight));
}

}  // namespace

void average(Device device, const optim::AveragePlan& plan, const optim::StepControl* control) {
  const Op op("optim.average");
  const Context& c = context(device);
  if (plan.chunk_count == 0) return;
  const auto grid = static_cast<unsigned>(plan.chunk_count);
  launch_early(c, plan.in_double ? average_kernel<double> : average_kernel<float>, grid, kThreads, plan,
               control);
}

}  // namespace octet::cuda
