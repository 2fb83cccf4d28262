// The measure pass: one reading of all gradients, then a decision that never leaves the device.
#include <climits>

#include "cuda/optim/fold.cuh"
#include "cuda/optim/lanes.cuh"
#include "cuda/optim/steps.h"
#include "optim/conclude.h"

namespace octet::cuda {
namespace {

constexpr int kNone = INT_MAX;  // no bad tensor
constexpr int kMaxPlans = 15;   // in one launch

struct Plans {
  StepPlan plan[kMaxPlans];
  int count;
  int tensors_before;  // in earlier launches
};
static_assert(sizeof(Plans) <= 4096 - 64, "kernel arguments");

// A chunk with a bad gradient notes its first bad tensor in the payload of a NaN, so that the pass needs no
// counter that would have to be reset.
__device__ double note_of(int bad_tensor) {
  return __longlong_as_double(0x7FF8000000000000LL | static_cast<long long>(bad_tensor));
}
__device__ int bad_tensor_in(double partial) {
  return isnan(partial) ? static_cast<int>(__double_as_longlong(partial) & 0x7FFFFFFF) : kNone;
}

// Finds the tensor of one block of a plan after another, each behind the last.
class Cursor {
 public:
  __device__ Place find(const StepPlan& plan, uint32_t block) {
    if (block >= end_) search(plan, block);
    return {tensor_, block - first_};
  }

 private:
  // The last tensor that begins at the block or before it, and where the next begins.
  __device__ void search(const StepPlan& plan, uint32_t block) {
    // Most often it is one of the next.
    int after = tensor_ + 1;
    for (int step = 1; after < plan.tensor_count && begin_of(plan, after) <= block; step *= 2) {
      tensor_ = after;
      after = min(after + step, plan.tensor_count);
    }
    while (after - tensor_ > 1) {
      const int middle = tensor_ + (after - tensor_) / 2;
      (begin_of(plan, middle) <= block ? tensor_ : after) = middle;
    }
    first_ = begin_of(plan, tensor_);
    end_ = begin_of(plan, after);
  }
  // Of a tensor, or of what comes behind the last.
  static __device__ uint32_t begin_of(const StepPlan& plan, int tensor) {
    return static_cast<uint32_t>(tensor < plan.tensor_count ? plan.tensors[tensor].first_block
                                                            : plan.block_count);
  }

  int tensor_ = 0;
  uint32_t first_ = 0, end_ = 0;
};

constexpr int kMeasureThreads = optim::kMaxBlock / kPerLane;

// Calls visit(tensor, gradients) for eight gradients after another, zeros where there are none.
template <class T, class Visit>
__device__ void for_each_gradient(const StepPlan& plan, int64_t chunk, const Visit& visit) {
  const int log_block_size = log2_of(plan.block_size);
  const Seat seat(plan.block_size);
  const auto first = static_cast<uint32_t>(chunk * blocks_per_chunk(plan));
  const auto last = static_cast<uint32_t>(min(first + blocks_per_chunk(plan), plan.block_count));
  Cursor cursor;
  for (uint32_t block = first + seat.block; block < last; block += optim::kMaxBlock >> log_block_size) {
    const Place at = cursor.find(plan, block);
    const StepTensor& tensor = plan.tensors[at.tensor];
    T gradient[kPerLane];
    Packed<8 * sizeof(T)> packed;
    const uint8_t* const from = packed.address(tensor.gradient, seat, at.block);
    if (is_whole(tensor, at.block, log_block_size)) {
      packed.load(from, seat.stride);
    } else {
      packed.load(from, seat.stride, valid_elements(tensor, seat, at.block));
    }
    unpack(packed, gradient);
    visit(at.tensor, gradient);
  }
}

template <class T>
__device__ double sum_of_squares(const StepPlan& plan, int64_t chunk) {
  const T max_value = static_cast<T>(plan.max_value);
  double sum = 0;
  for_each_gradient<T>(plan, chunk, [&](int, const T(&gradient)[kPerLane]) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const auto x = static_cast<double>(optim::limited_if_finite(gradient[i], max_value));
      sum = fma(x, x, sum);
    }
  });
  return sum;
}

template <class T>
__device__ int first_bad_tensor(const StepPlan& plan, int64_t chunk) {
  int bad = kNone;
  for_each_gradient<T>(plan, chunk, [&](int tensor, const T(&gradient)[kPerLane]) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
      if (!isfinite(gradient[i])) bad = min(bad, tensor);
  });
  return bad;
}

// partial: [chunks of these plans], a block of threads each
__global__ void __launch_bounds__(kMeasureThreads)
    squares_kernel(const __grid_constant__ Plans plans, optim::OnNonFinite policy, const StepControl* control,
                   double* partial) {
  wait_for_previous();
  if (optim::stopped(*control, policy)) return;
  __shared__ int bad;
  if (threadIdx.x == 0) bad = kNone;
  __syncthreads();

  int64_t chunk = blockIdx.x;
  int number = 0, tensors_before = plans.tensors_before;
  for (; chunk >= chunk_count(plans.plan[number]); ++number) {
    chunk -= chunk_count(plans.plan[number]);
    tensors_before += plans.plan[number].tensor_count;
  }
  const StepPlan& plan = plans.plan[number];
  const bool in_double = optim::computes_in_double(optim::Codecs(), plan.codec);
  double sum[] = {in_double ? sum_of_squares<double>(plan, chunk) : sum_of_squares<float>(plan, chunk)};
  if (!isfinite(sum[0])) {  // the squares of large doubles overflow, so this is no proof
    const int own_bad =
        in_double ? first_bad_tensor<double>(plan, chunk) : first_bad_tensor<float>(plan, chunk);
    if (own_bad != kNone) atomicMin(&bad, tensors_before + own_bad);
  }
  BlockFold<Sum, 1>()(sum);  // with a barrier, behind which all of `bad` is there
  if (threadIdx.x == 0) partial[blockIdx.x] = bad == kNone ? sum[0] : note_of(bad);
}

// One block of threads. partial: [count]
__global__ void conclude_kernel(optim::NormClipping clipping, double largest_norm, optim::OnNonFinite policy,
                                const double* partial, int64_t count, StepControl* control) {
  wait_for_previous();
  if (optim::stopped(*control, policy)) return;
  __shared__ int bad;
  if (threadIdx.x == 0) bad = kNone;
  __syncthreads();
  double sum[1] = {};
  int own_bad = kNone;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    sum[0] += partial[i];
    own_bad = min(own_bad, bad_tensor_in(partial[i]));
  }
  if (own_bad != kNone) atomicMin(&bad, own_bad);
  BlockFold<Sum, 1>()(sum);
  if (threadIdx.x == 0)
    optim::conclude(sum[0], bad == kNone ? -1 : bad, clipping, largest_norm, policy, *control);
}

// One block of threads, a plan each.
__global__ void constants_kernel(const __grid_constant__ Plans plans, const StepControl* control) {
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  if (threadIdx.x < plans.count) optim::write_constants(plans.plan[threadIdx.x], *control);
}

// Calls body(plans, chunks in them) for all plans, as many at once as a launch takes.
template <class Body>
void for_each_launch(const StepPlan* all, int plan_count, const Body& body) {
  Plans plans{};
  for (int first = 0; first < plan_count; first += kMaxPlans) {
    plans.count = std::min(kMaxPlans, plan_count - first);
    std::copy_n(all + first, plans.count, plans.plan);
    body(plans, partial_count(plans.plan, plans.count));
    for (int i = 0; i < plans.count; ++i) plans.tensors_before += plans.plan[i].tensor_count;
  }
}

}  // namespace

void measure(Device device, const StepPlan* plans, int plan_count, const optim::NormClipping& clipping,
             optim::OnNonFinite policy, double* partial, StepControl* control) {
  const Op op("optim.measure");
  const Context& c = context(device);
  int64_t done = 0;
  for_each_launch(plans, plan_count, [&](const Plans& some, int64_t chunks) {
    if (chunks == 0) return;
    launch_early(c, squares_kernel, static_cast<unsigned>(chunks), kMeasureThreads, some, policy, control,
                 partial + done);
    done += chunks;
  });
  launch_early(c, conclude_kernel, 1, 1024, clipping, optim::largest_norm(plans, plan_count), policy, partial,
               done, control);
  for_each_launch(plans, plan_count, [&](const Plans& some, int64_t) {
    launch_early(c, constants_kernel, 1, kWarp, some, control);
  });
}

}  // namespace octet::cuda
