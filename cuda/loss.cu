// Mean losses: what every row or block adds goes to a workspace, and one block sums it in a fixed order.
#include "cuda/fault.cuh"
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

using Block = Team<kThreads>;

// loss = sum of the parts / n, by one block. parts: [count]; loss: []
template <class T>
__global__ void mean(int64_t count, int64_t n, const double* parts, T* loss) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += parts[i];
  sum = Block::sum(sum);
  if (threadIdx.x == 0) *loss = static_cast<T>(sum / static_cast<double>(n));
}

// labels: [rows]. A label that is no class counts as class 0.
__device__ int label_of(const int32_t* labels, int64_t row, int64_t classes, Fault* fault) {
  return checked(fault, Fault::Label, labels[row], 0, classes, row, 0);
}

template <int kSpan, class T>
__global__ void row_losses(Team<kSpan> team, int64_t rows, int64_t cols, const T* logits,
                           const int32_t* labels, Fault* fault, double* losses) {
  // logits: [rows, cols]; labels, losses: [rows]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* x = logits + row * cols;
    const auto [top, sum] = exp_sum(team, x, cols);
    if (team.rank() == 0)
      losses[row] = double{top} + std::log(sum) - double{x[label_of(labels, row, cols, fault)]};
  }
}

template <int kSpan, class T>
__global__ void row_gradients(Team<kSpan> team, int64_t rows, int64_t cols, const T* logits,
                              const int32_t* labels, const T* dloss, Fault* fault, T* dlogits) {
  // logits, dlogits: [rows, cols]; labels: [rows]; dloss: []
  const double scale = double{*dloss} / static_cast<double>(rows);
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* x = logits + row * cols;
    const auto [top, sum] = exp_sum(team, x, cols);
    const double factor = 1 / sum;
    const int label = label_of(labels, row, cols, fault);
    for (int64_t i = team.rank(); i < cols; i += kSpan) {
      const double probability = double{std::exp(x[i] - top)} * factor;
      dlogits[row * cols + i] = static_cast<T>(scale * (probability - (i == label ? 1 : 0)));
    }
  }
}

void cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& loss) {
  const Op op("loss.cross_entropy");
  const Context& c = context(logits);
  const int64_t rows = logits.rows(), cols = logits.cols();
  const Tensor losses = workspace(logits.device(), rows * size_of(DType::F64));
  auto* parts = static_cast<double*>(losses.raw());
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    if (rows > 0)
      with_team(c, rows, cols, [&](auto team, unsigned blocks) {
        row_losses<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, logits.data<T>(),
                                                      labels.data<int32_t>(), c.device_fault, parts);
        check_launch();
      });
    mean<<<1, kThreads, 0, c.stream>>>(rows, rows, parts, loss.data<T>());
    check_launch();
  });
}

void cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& dloss,
                            const Tensor& dlogits) {
  const Op op("loss.cross_entropy_backward");
  const Context& c = context(logits);
  const int64_t rows = logits.rows(), cols = logits.cols();
  if (logits.numel() == 0) return;
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      row_gradients<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, logits.data<T>(),
                                                       labels.data<int32_t>(), dloss.data<T>(),
                                                       c.device_fault, dlogits.data<T>());
      check_launch();
    });
  });
}

template <class T>
__global__ void binary_losses(int64_t n, const T* logits, const T* targets, double* parts) {
  // logits, targets: [n]; parts: [blocks]
  double sum = 0;
  for (int64_t i = grid_index(); i < n; i += grid_step()) {
    const double x = logits[i], t = targets[i];
    sum += (x > 0 ? x : 0) - x * t + std::log1p(std::exp(-std::abs(x)));  // log(1 + exp(x)) - x t
  }
  sum = Block::sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <class T>
struct BinaryGradient {
  const T* dloss;
  double n;
  __device__ T operator()(T x, T t) const {
    return static_cast<T>(double{*dloss} / n * (1 / (1 + std::exp(-double{x})) - double{t}));
  }
};

void binary_cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& loss) {
  const Op op("loss.binary_cross_entropy");
  const Context& c = context(logits);
  const int64_t n = logits.numel();
  const unsigned blocks = grid_for(c, n, kThreads * 4);
  const Tensor sums = workspace(logits.device(), blocks * size_of(DType::F64));
  auto* parts = static_cast<double*>(sums.raw());
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    binary_losses<<<blocks, kThreads, 0, c.stream>>>(n, logits.data<T>(), targets.data<T>(), parts);
    check_launch();
    mean<<<1, kThreads, 0, c.stream>>>(blocks, n, parts, loss.data<T>());
    check_launch();
  });
}

void binary_cross_entropy_backward(const Tensor& logits, const Tensor& targets, const Tensor& dloss,
                                   const Tensor& dlogits) {
  const Op op("loss.binary_cross_entropy_backward");
  const Context& c = context(logits);
  const int64_t n = logits.numel();
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T *x = logits.data<T>(), *t = targets.data<T>();
    map(c, BinaryGradient<T>{dloss.data<T>(), static_cast<double>(n)}, n, dlogits.data<T>(), x, t);
  });
}

}  // namespace

LossKernels loss_kernels() {
  return {.cross_entropy = cross_entropy,
          .cross_entropy_backward = cross_entropy_backward,
          .binary_cross_entropy = binary_cross_entropy,
          .binary_cross_entropy_backward = binary_cross_entropy_backward};
}

}  // namespace octet::cuda
