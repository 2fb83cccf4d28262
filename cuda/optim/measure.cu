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

// stretch_of() the codec.
template <class... Codec>
__device__ int64_t stretch_in(optim::TypeList<Codec...>, int codec) {
  int place = 0;
  int64_t stretch = 1;
  ((place++ == codec ? void(stretch = optim::stretch_of(Codec::scale)) : void()), ...);
  return stretch;
}

// The last tensor that begins at the block or before it.
__device__ int tensor_at(const StepPlan& plan, int64_t block) {
  if (plan.tensor_of) return plan.tensor_of[block / stretch_in(optim::Codecs(), plan.codec)];
  int found = 0;
  for (int after = plan.tensor_count; after - found > 1;) {
    const int middle = found + (after - found) / 2;
    (plan.tensors[middle].first_block <= block ? found : after) = middle;
  }
  return found;
}

// Threads of a block, and blocks on a multiprocessor: registers for four loads under way in each thread.
constexpr int kMeasureThreads = 256, kMeasureBlocks = 5;

// Gradients that follow each other: those of a chunk that are of one tensor.
struct Segment {
  int tensor;
  const void* gradient;  // of the tensor, null if it has none
  int64_t first;
  int count;
  uint32_t next;  // the block behind them

  // From a block of a tensor on, up to another block.
  __device__ Segment(const StepPlan& plan, int number, uint32_t block, uint32_t last) : tensor(number) {
    const StepTensor& of = plan.tensors[tensor];
    const int64_t after =
        tensor + 1 < plan.tensor_count ? plan.tensors[tensor + 1].first_block : plan.block_count;
    next = static_cast<uint32_t>(min(after, int64_t{last}));
    gradient = of.gradient;
    first = (block - of.first_block) * plan.block_size;
    const int64_t whole = static_cast<int64_t>(next - block) * plan.block_size;
    count = static_cast<int>(max(min(of.count - first, whole), int64_t{0}));  // blocks may be of no tensor
  }
};

// Calls visit(gradient) for all of them, each in one thread of the block.
template <class T, class Visit>
__device__ void for_each_gradient(const Segment& segment, const Visit& visit) {
  if (!segment.gradient) return;
  constexpr int kVector = sizeof(uint4) / sizeof(T);
  const T* const gradient = static_cast<const T*>(segment.gradient) + segment.first;
  int done = 0;
  if (reinterpret_cast<std::uintptr_t>(gradient) % sizeof(uint4) == 0) {
    const int vectors = segment.count / kVector;
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < vectors; i += kMeasureThreads) {
      const uint4 packed = reinterpret_cast<const uint4*>(gradient)[i];
      T x[kVector];
      memcpy(x, &packed, sizeof x);
#pragma unroll
      for (int k = 0; k < kVector; ++k) visit(x[k]);
    }
    done = vectors * kVector;
  }
  for (int i = done + static_cast<int>(threadIdx.x); i < segment.count; i += kMeasureThreads)
    visit(gradient[i]);
}

template <class T>
__device__ double sum_of_squares(const Segment& segment, T max_value) {
  double sum = 0;
  const auto add = [&](T gradient) {
    const auto x = static_cast<double>(gradient);
    sum = fma(x, x, sum);
  };
  if (isfinite(max_value))
    for_each_gradient<T>(segment, [&](T x) { add(optim::limited_if_finite(x, max_value)); });
  else
    for_each_gradient<T>(segment, add);
  return sum;
}

template <class T>
__device__ bool has_bad(const Segment& segment) {
  bool bad = false;
  for_each_gradient<T>(segment, [&](T x) { bad |= !isfinite(x); });
  return bad;
}

// partial: [chunks of these plans], a block of threads each
__global__ void __launch_bounds__(kMeasureThreads, kMeasureBlocks)
    squares_kernel(const __grid_constant__ Plans plans, double* partial) {
  __shared__ int bad;
  if (threadIdx.x == 0) bad = kNone;
  int64_t chunk = blockIdx.x;
  int number = 0, tensors_before = plans.tensors_before;
  for (; chunk >= chunk_count(plans.plan[number]); ++number) {
    chunk -= chunk_count(plans.plan[number]);
    tensors_before += plans.plan[number].tensor_count;
  }
  const StepPlan& plan = plans.plan[number];
  const bool in_double = optim::computes_in_double(optim::Codecs(), plan.codec);
  const auto blocks = static_cast<uint32_t>(blocks_per_chunk(plan));
  const auto begin = static_cast<uint32_t>(chunk) * blocks;
  const uint32_t last = min(begin + blocks, static_cast<uint32_t>(plan.block_count));
  // Before the wait, as copies fill the tables of tensors, and no kernel.
  const Segment first(plan, tensor_at(plan, begin), begin, last);
  wait_for_previous();

  const auto for_each_segment = [&](const auto& body) {
    for (Segment segment = first;; segment = Segment(plan, segment.tensor + 1, segment.next, last)) {
      body(segment);
      if (segment.next == last) return;
    }
  };
  double sum[1] = {};
  for_each_segment([&](const Segment& segment) {
    sum[0] += in_double ? sum_of_squares<double>(segment, plan.max_value)
                        : sum_of_squares<float>(segment, static_cast<float>(plan.max_value));
  });
  __syncthreads();          // `bad` is written
  if (!isfinite(sum[0])) {  // the squares of large doubles overflow, so this is no proof
    for_each_segment([&](const Segment& segment) {
      if (in_double ? has_bad<double>(segment) : has_bad<float>(segment))
        atomicMin(&bad, tensors_before + segment.tensor);
    });
  }
  BlockFold<Sum, 1>()(sum);  // with a barrier, behind which all of `bad` is there
  if (threadIdx.x == 0) partial[blockIdx.x] = bad == kNone ? sum[0] : note_of(bad);
}

constexpr int kConcludeThreads = 512;

// One block of threads. Concludes from partial: [count], which only the first of several launches has, and
// writes the constants of these plans.
__global__ void __launch_bounds__(kConcludeThreads)
    conclude_kernel(const __grid_constant__ Plans plans, optim::NormClipping clipping, double largest_norm,
                    optim::OnNonFinite policy, const double* partial, int64_t count, StepControl* control) {
  __shared__ int bad;
  if (threadIdx.x == 0) bad = kNone;
  wait_for_previous();
  const bool stopped = optim::stopped(*control, policy);
  double sum[1] = {};
  int own_bad = kNone;
  for (int64_t i = threadIdx.x; i < count; i += kConcludeThreads) {
    sum[0] += partial[i];
    own_bad = min(own_bad, bad_tensor_in(partial[i]));
  }
  if (stopped) return;
  // By the last warp, which has the fewest partial sums: as if the step were taken, for if it is not, nobody
  // reads them.
  const int number = static_cast<int>(threadIdx.x) - (kConcludeThreads - kWarp);
  if (number >= 0 && number < plans.count)
    optim::write_constants(plans.plan[number], control->lr_factor, control->steps + (partial ? 1 : 0));
  if (!partial) return;
  __syncthreads();  // `bad` is written
  if (own_bad != kNone) atomicMin(&bad, own_bad);
  BlockFold<Sum, 1>()(sum);
  if (threadIdx.x == 0)
    optim::conclude(sum[0], bad == kNone ? -1 : bad, clipping, largest_norm, policy, *control);
}

// Calls body(plans, chunks in them) for all plans, as many at once as a launch takes; once if there are none.
template <class Body>
void for_each_launch(const StepPlan* all, int plan_count, const Body& body) {
  Plans plans{};
  int first = 0;
  do {
    plans.count = std::min(kMaxPlans, plan_count - first);
    std::copy_n(all + first, plans.count, plans.plan);
    body(plans, partial_count(plans.plan, plans.count));
    for (int i = 0; i < plans.count; ++i) plans.tensors_before += plans.plan[i].tensor_count;
    first += kMaxPlans;
  } while (first < plan_count);
}

}  // namespace

void measure(Device device, const StepPlan* plans, int plan_count, const optim::NormClipping& clipping,
             optim::OnNonFinite policy, double* partial, StepControl* control) {
  const Op op("optim.measure");
  const Context& c = context(device);
  int64_t done = 0;
  for_each_launch(plans, plan_count, [&](const Plans& some, int64_t chunks) {
    if (chunks == 0) return;
    launch_early(c, squares_kernel, static_cast<unsigned>(chunks), kMeasureThreads, some, partial + done);
    done += chunks;
  });
  const double largest = optim::largest_norm(plans, plan_count);
  const double* sums = partial;
  for_each_launch(plans, plan_count, [&](const Plans& some, int64_t) {
    launch_early(c, conclude_kernel, 1, kConcludeThreads, some, clipping, largest, policy, sums, done,
                 control);
    sums = nullptr, done = 0;
  });
}

}  // namespace octet::cuda
