// Softmax and its logarithm over the last axis.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"

namespace octet::cuda {
namespace {

template <bool kLog, int kSpan, class T>
__global__ void softmax(Team<kSpan> team, int64_t rows, int64_t cols, const T* x, T* y) {
  // x, y: [rows, cols]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* a = x + row * cols;
    T* b = y + row * cols;
    const auto [top, sum] = exp_sum(team, a, cols);
    // The largest is taken out before the logarithm: their sum would round away what sets large inputs apart.
    const T shift = static_cast<T>(std::log(sum)), factor = static_cast<T>(1 / sum);
    for (int64_t i = team.rank(); i < cols; i += kSpan)
      b[i] = kLog ? a[i] - top - shift : std::exp(a[i] - top) * factor;
  }
}

template <bool kLog, int kSpan, class T>
__global__ void softmax_backward(Team<kSpan> team, int64_t rows, int64_t cols, const T* y, const T* dy,
                                 T* dx) {
  // y, dy, dx: [rows, cols]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T *b = y + row * cols, *g = dy + row * cols;
    T* d = dx + row * cols;
    double sum = 0;
    for (int64_t i = team.rank(); i < cols; i += kSpan)
      sum += kLog ? double{g[i]} : double{g[i]} * double{b[i]};
    const T total = static_cast<T>(team.sum(sum));
    for (int64_t i = team.rank(); i < cols; i += kSpan)
      d[i] = kLog ? g[i] - std::exp(b[i]) * total : b[i] * (g[i] - total);
  }
}

template <bool kLog>
void forward(const Tensor& x, const Tensor& y) {
  const Op op(kLog ? "softmax.log_forward" : "softmax.forward");
  const Context& c = context(x);
  const int64_t rows = x.rows(), cols = x.cols();
  if (x.numel() == 0) return;
  with_float_type(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      softmax<kLog><<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, x.data<T>(), y.data<T>());
      check_launch();
    });
  });
}

template <bool kLog>
void backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  const Op op(kLog ? "softmax.log_backward" : "softmax.backward");
  const Context& c = context(y);
  const int64_t rows = y.rows(), cols = y.cols();
  if (y.numel() == 0) return;
  with_float_type(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      softmax_backward<kLog>
          <<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, y.data<T>(), dy.data<T>(), dx.data<T>());
      check_launch();
    });
  });
}

}  // namespace

SoftmaxKernels softmax_kernels() {
  return {.forward = forward<false>,
          .backward = backward<false>,
          .log_forward = forward<true>,
          .log_backward = backward<true>};
}

}  // namespace octet::cuda
