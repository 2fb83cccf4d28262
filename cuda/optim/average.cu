// The running average of weights: all tensors in one launch, which looks at the step's outcome where it lies.
#include "cuda/optim/lanes.cuh"
#include "cuda/optim/steps.h"

namespace octet::cuda {
namespace {

constexpr int kStride = kWarp * kGroup;

// A block of threads has a chunk.
template <class T>
__global__ void __launch_bounds__(kThreads)
    average_kernel(const __grid_constant__ optim::AveragePlan plan, const StepControl* control) {
  if (control->bad_tensor >= 0) return;
  const bool first = control->steps == 1;
  int number = 0;  // of the last tensor that begins at this chunk or before it
  for (int after = plan.tensor_count; after - number > 1;) {
    const int middle = number + (after - number) / 2;
    (plan.tensors[middle].first_chunk <= blockIdx.x ? number : after) = middle;
  }
  const optim::AverageTensor tensor = plan.tensors[number];
  const int64_t begin = (blockIdx.x - tensor.first_chunk) * optim::kChunk;
  const int64_t end = min(begin + optim::kChunk, tensor.count);
  const T rest = static_cast<T>(plan.rest);
  for (int64_t at = begin + first_of_lane(kStride); at < end; at += kThreads * kPerLane) {
    const Valid valid(end - at, kStride);
    T* const averages = static_cast<T*>(tensor.average) + at;
    T weight[kPerLane], average[kPerLane];
    load(static_cast<const T*>(tensor.weight) + at, kStride, valid, weight);
    load<T>(averages, kStride, valid, average);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
      average[i] = first ? weight[i] : average[i] + rest * (weight[i] - average[i]);
    store(average, kStride, valid, averages);
  }
}

}  // namespace

void average(Device device, const optim::AveragePlan& plan, const StepControl* control) {
  const Op op("optim.average");
  const Context& c = context(device);
  if (plan.chunk_count == 0) return;
  const auto grid = static_cast<unsigned>(plan.chunk_count);
  if (plan.in_double) {
    average_kernel<double><<<grid, kThreads, 0, c.stream>>>(plan, control);
  } else {
    average_kernel<float><<<grid, kThreads, 0, c.stream>>>(plan, control);
  }
  check_launch();
}

}  // namespace octet::cuda
