// Mean losses: what every row or block adds goes to a workspace, and one block sums it in a fixed order.
#include "core/gpu_scratch.h"
#include "cuda/fault.cuh"
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

using Block = Team<kThreads>;

// The sum of x, in every thread of the only block. x: [count]
template <class T>
__device__ double sum_of(int64_t count, const T* x) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += x[i];
  return Block::sum(sum);
}

template <class T>
__global__ void sum_weights(int64_t rows, const T* weights, double* total) {  // weights: [rows]; total: []
  const double sum = sum_of(rows, weights);
  if (threadIdx.x == 0) *total = sum;
}

// How much each row of a loss counts.
template <class T>
struct RowWeights {
  double count;
  const T* weight;      // [count], or null: all 1
  const double* total;  // [], their sum, if there are any

  __device__ double operator[](int64_t row) const { return weight ? double{weight[row]} : 1; }
  __device__ double mean(double sum) const {
    const double divisor = weight ? *total : count;
    return divisor == 0 ? 0 : sum / divisor;
  }
};

// The weights as kernels take them, and the bytes of their sum, which the device adds up while no one waits.
template <class T>
struct SummedWeights {
  Tensor total;
  RowWeights<T> rows;

  SummedWeights(const Context& c, const Tensor& weights, int64_t count)
      : rows{static_cast<double>(count), nullptr, nullptr} {
    if (!weights.defined()) return;
    total = workspace(weights.device(), size_of(DType::F64));
    auto* sum = static_cast<double*>(total.raw());
    sum_weights<<<1, kThreads, 0, c.stream>>>(count, weights.data<T>(), sum);
    check_launch();
    rows.weight = weights.data<T>();
    rows.total = sum;
  }
};

// loss = the mean whose sum is that of the parts, by one block. parts: [count]; loss: []
template <class T>
__global__ void mean(int64_t count, const double* parts, RowWeights<T> weights, T* loss) {
  const double sum = sum_of(count, parts);
  if (threadIdx.x == 0) *loss = static_cast<T>(weights.mean(sum));
}

// labels: [rows]. A label that is no class counts as class 0.
__device__ int label_of(const int32_t* labels, int64_t row, int64_t classes, Fault* fault) {
  return checked(fault, Fault::Label, labels[row], 0, classes, row, 0);
}

template <int kSpan, class T>
__global__ void row_losses(Team<kSpan> team, int64_t rows, int64_t cols, const T* logits,
                           const int32_t* labels, RowWeights<T> weights, Fault* fault, double* losses) {
  // logits: [rows, cols]; labels, losses: [rows]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* x = logits + row * cols;
    const auto [top, sum] = exp_sum(team, x, cols);
    if (team.rank() == 0)
      losses[row] =
          weights[row] * (double{top} + std::log(sum) - double{x[label_of(labels, row, cols, fault)]});
  }
}

template <int kSpan, class T>
__global__ void row_gradients(Team<kSpan> team, int64_t rows, int64_t cols, const T* logits,
                              const int32_t* labels, RowWeights<T> weights, const T* dloss, Fault* fault,
                              T* dlogits) {
  // logits, dlogits: [rows, cols]; labels: [rows]; dloss: []
  const double scale = weights.mean(double{*dloss});
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* x = logits + row * cols;
    const auto [top, sum] = exp_sum(team, x, cols);
    const double factor = 1 / sum, row_scale = scale * weights[row];
    const int label = label_of(labels, row, cols, fault);
    for (int64_t i = team.rank(); i < cols; i += kSpan) {
      const double probability = double{std::exp(x[i] - top)} * factor;
      dlogits[row * cols + i] = static_cast<T>(row_scale * (probability - (i == label ? 1 : 0)));
    }
  }
}

void cross_entropy(const Tensor& logits, const LossTargets& targets, const Tensor& loss) {
  const Op op("loss.cross_entropy");
  const Context& c = context(logits);
  const int64_t rows = logits.rows(), cols = logits.cols();
  const Tensor losses = workspace(logits.device(), rows * size_of(DType::F64));
  auto* parts = static_cast<double*>(losses.raw());
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const SummedWeights<T> weights(c, targets.weights, rows);
    if (rows > 0)
      with_team(c, rows, cols, [&](auto team, unsigned blocks) {
        row_losses<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, logits.data<T>(),
                                                      targets.labels.data<int32_t>(), weights.rows,
                                                      c.device_fault, parts);
        check_launch();
      });
    mean<<<1, kThreads, 0, c.stream>>>(rows, parts, weights.rows, loss.data<T>());
    check_launch();
  });
}

void cross_entropy_backward(const Tensor& logits, const LossTargets& targets, const Tensor& dloss,
                            const Tensor& dlogits) {
  const Op op("loss.cross_entropy_backward");
  const Context& c = context(logits);
  const int64_t rows = logits.rows(), cols = logits.cols();
  if (logits.numel() == 0) return;
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const SummedWeights<T> weights(c, targets.weights, rows);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      row_gradients<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, logits.data<T>(),
                                                       targets.labels.data<int32_t>(), weights.rows,
                                                       dloss.data<T>(), c.device_fault, dlogits.data<T>());
      check_launch();
    });
  });
}

template <class T>
__global__ void binary_losses(int64_t n, const T* logits, const T* targets, RowWeights<T> weights,
                              double* parts) {
  // logits, targets: [n]; parts: [blocks]
  double sum = 0;
  for (int64_t i = grid_index(); i < n; i += grid_step()) {
    const double x = logits[i], t = targets[i];
    // log(1 + exp(x)) - x t
    sum += weights[i] * ((x > 0 ? x : 0) - x * t + std::log1p(std::exp(-std::abs(x))));
  }
  sum = Block::sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <class T>
struct BinaryGradient {
  const T* dloss;
  RowWeights<T> weights;
  __device__ T operator()(T x, T t, T weight = 1) const {
    return static_cast<T>(weights.mean(double{*dloss}) * double{weight} *
                          (1 / (1 + std::exp(-double{x})) - double{t}));
  }
};

void binary_cross_entropy(const Tensor& logits, const LossTargets& targets, const Tensor& loss) {
  const Op op("loss.binary_cross_entropy");
  const Context& c = context(logits);
  const int64_t n = logits.numel();
  const auto blocks = static_cast<unsigned>(binary_loss_parts(n));
  const Tensor sums = workspace(logits.device(), blocks * size_of(DType::F64));
  auto* parts = static_cast<double*>(sums.raw());
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const SummedWeights<T> weights(c, targets.weights, n);
    binary_losses<<<blocks, kThreads, 0, c.stream>>>(n, logits.data<T>(), targets.labels.data<T>(),
                                                     weights.rows, parts);
    check_launch();
    mean<<<1, kThreads, 0, c.stream>>>(blocks, parts, weights.rows, loss.data<T>());
    check_launch();
  });
}

void binary_cross_entropy_backward(const Tensor& logits, const LossTargets& targets, const Tensor& dloss,
                                   const Tensor& dlogits) {
  const Op op("loss.binary_cross_entropy_backward");
  const Context& c = context(logits);
  const int64_t n = logits.numel();
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T *x = logits.data<T>(), *t = targets.labels.data<T>();
    T* to = dlogits.data<T>();
    const SummedWeights<T> weights(c, targets.weights, n);
    const BinaryGradient<T> gradient{dloss.data<T>(), weights.rows};
    if (weights.rows.weight) {
      map(c, gradient, n, to, x, t, weights.rows.weight);
    } else {
      map(c, gradient, n, to, x, t);
    }
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
