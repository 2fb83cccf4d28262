// Sums over axes. They are kept in double, as on the CPU, and added in an order that the sizes alone decide.
#include "core/gpu_scratch.h"
#include "cuda/axes.cuh"
#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

// Element i of y is the sum over `reduced` from the place of i in `kept`. The terms may be cut into segments,
// whose sums are elements of their own: y is then [segments, outputs].
struct Sum {
  Axes kept, reduced;                         // strides in x
  int64_t outputs, terms, segments, segment;  // segment: terms in one
  // A block takes `width` outputs, and kThreads / width threads share the terms of each. Neighbouring threads
  // stand at neighbouring elements of x: at outputs, if `columns`, else at terms.
  int width;
  bool columns;
};

template <class X, class Y>
__global__ void sum_kernel(const __grid_constant__ Sum s, double scale, const X* x, Y* y) {
  __shared__ double parts[kThreads];
  const int t = static_cast<int>(threadIdx.x), sharers = kThreads / s.width;
  const int64_t i = int64_t{blockIdx.x} * s.width + (s.columns ? t % s.width : t / sharers);
  const int rank = s.columns ? t / s.width : t % sharers;
  double sum = 0;
  if (i < s.outputs) {
    const X* from = x + s.kept.locate(i);
    const int64_t begin = blockIdx.y * s.segment, end = min(begin + s.segment, s.terms);
    if (s.reduced.rank <= 1) {
      const int64_t stride = s.reduced.a[0];
#pragma unroll 8
      for (int64_t j = begin + rank; j < end; j += sharers) sum += from[j * stride];
    } else {
      for (int64_t j = begin + rank; j < end; j += sharers) sum += from[s.reduced.locate(j)];
    }
  }
  parts[t] = sum;
  __syncthreads();
  for (int half = sharers / 2; half > 0; half /= 2) {
    if (rank < half) parts[t] += parts[t + half * (s.columns ? s.width : 1)];
    __syncthreads();
  }
  if (rank == 0 && i < s.outputs) y[blockIdx.y * s.outputs + i] = static_cast<Y>(scale * parts[t]);
}

Sum plan(const Axes& kept, const Axes& reduced) {
  static_assert(SumCut::kThreads == kThreads && SumCut::kWarp == kWarp);
  Sum s = {.kept = kept, .reduced = reduced, .outputs = kept.numel(), .terms = reduced.numel()};
  // Whichever of the two is innermost in x.
  s.columns = reduced.rank == 0 || (kept.rank > 0 && kept.a[kept.rank - 1] == 1);
  const SumCut cut = SumCut::of(s.outputs, s.terms, s.columns);
  s.width = static_cast<int>(cut.width);
  s.segments = cut.segments;
  s.segment = cut.segment;
  return s;
}

template <class X, class Y>
void launch(const Context& c, const Sum& s, double scale, const X* x, Y* y) {
  const dim3 grid(static_cast<unsigned>(ceil_div(s.outputs, s.width)), static_cast<unsigned>(s.segments));
  sum_kernel<<<grid, kThreads, 0, c.stream>>>(s, scale, x, y);
  check_launch();
}

void sum_to(const Tensor& x, double scale, const Tensor& y) {
  const Op op("reduce.sum_to");
  const Context& c = context(x);
  if (y.numel() == 0) return;
  if (x.numel() == 0) return check(cudaMemsetAsync(y.raw(), 0, static_cast<size_t>(y.bytes()), c.stream));
  const int rank = x.shape().rank();
  int64_t stride[Shape::kMaxRank];
  for (int64_t step = 1, axis = rank - 1; axis >= 0; step *= x.size(static_cast<int>(axis)), --axis)
    stride[axis] = step;
  Axes kept, reduced;
  for (int axis = 0; axis < rank; ++axis)
    (y.size(axis) == x.size(axis) ? kept : reduced).push(x.size(axis), stride[axis]);
  const Sum s = plan(kept, reduced);
  with_float_type(x.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    if (s.segments == 1) return launch(c, s, scale, from, to);
    const Tensor sums = workspace(x.device(), sum_scratch(s.outputs, s.terms, s.columns));
    auto* parts = static_cast<double*>(sums.raw());
    launch(c, s, 1, from, parts);
    Axes outputs, segments;
    outputs.push(s.outputs, 1);
    segments.push(s.segments, s.outputs);
    Sum last = plan(outputs, segments);
    last.segments = 1;
    last.segment = last.terms;
    launch(c, last, scale, static_cast<const double*>(parts), to);
  });
}

}  // namespace

ReduceKernels reduce_kernels() { return {.sum_to = sum_to}; }

}  // namespace octet::cuda
