// Sums over axes, softmax and layer norm: everything that walks rows.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/cpu/backend.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements a chunk

int64_t rows_per_chunk(int64_t cols) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(cols, 1)); }

// Sums are kept in double: a float sum over many rows would lose what a gradient check needs, and the cost is
// small beside the memory traffic.
void sum_to(const Tensor& x, double scale, const Tensor& y) {
  const Shape &from = x.shape(), &to = y.shape();
  const int rank = from.rank();
  // Every element of y is a sum over the grid of the reduced axes.
  int64_t stride[Shape::kMaxRank];
  for (int64_t step = 1, axis = rank - 1; axis >= 0; step *= from[static_cast<int>(axis)], --axis)
    stride[axis] = step;
  std::vector<int> kept, reduced;
  for (int axis = 0; axis < rank; ++axis) (to[axis] == from[axis] ? kept : reduced).push_back(axis);
  int64_t count = 1;
  for (const int axis : reduced) count *= from[axis];
  const auto offset = [&](int64_t index, const std::vector<int>& axes) {
    int64_t at = 0;
    for (size_t i = axes.size(); i-- > 0;) {
      const int axis = axes[i];
      at += index % from[axis] * stride[axis];
      index /= from[axis];
    }
    return at;
  };
  // The reduced axes' offsets with the innermost one stepped by its stride: most sums are over one axis.
  const int64_t inner = reduced.empty() ? 1 : from[reduced.back()];
  const int64_t inner_stride = reduced.empty() ? 0 : stride[reduced.back()];
  with_float_type(x.dtype(), "sum", [&](auto zero) {
    using T = decltype(zero);
    const T* source = x.data<T>();
    T* target = y.data<T>();
    parallel_ranges(y.numel(), rows_per_chunk(count), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t base = offset(i, kept);
        double sum = 0;
        for (int64_t j = 0; j < count; j += inner) {
          const T* run = source + base + offset(j, reduced);
          for (int64_t k = 0; k < inner; ++k) sum += run[k * inner_stride];
        }
        target[i] = static_cast<T>(scale * sum);
      }
    });
  });
}

template <bool kLog>
void softmax(const Tensor& x, const Tensor& y) {
  const int64_t cols = x.cols();
  with_float_type(x.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_ranges(x.rows(), rows_per_chunk(cols), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* a = from + row * cols;
        T* b = to + row * cols;
        const T top = *std::max_element(a, a + cols);
        double sum = 0;
        for (int64_t i = 0; i < cols; ++i) {
          const T e = std::exp(a[i] - top);
          if (!kLog) b[i] = e;
          sum += e;
        }
        // The largest is taken out before the logarithm: their sum would round away what sets large inputs
        // apart.
        const T log_sum = static_cast<T>(std::log(sum)), factor = static_cast<T>(1 / sum);
        for (int64_t i = 0; i < cols; ++i) b[i] = kLog ? a[i] - top - log_sum : b[i] * factor;
      }
    });
  });
}

template <bool kLog>
void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
  const int64_t cols = y.cols();
  with_float_type(y.dtype(), "softmax", [&](auto zero) {
    using T = decltype(zero);
    const T *out = y.data<T>(), *grad = dy.data<T>();
    T* to = dx.data<T>();
    parallel_ranges(y.rows(), rows_per_chunk(cols), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *b = out + row * cols, *g = grad + row * cols;
        T* d = to + row * cols;
        double sum = 0;
        for (int64_t i = 0; i < cols; ++i) sum += kLog ? double{g[i]} : double{g[i]} * b[i];
        for (int64_t i = 0; i < cols; ++i)
          d[i] = kLog ? g[i] - std::exp(b[i]) * static_cast<T>(sum) : b[i] * (g[i] - static_cast<T>(sum));
      }
    });
  });
}

void layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, const Tensor& y,
                const Tensor& mean, const Tensor& inverse_std) {
  const int64_t cols = x.cols();
  with_float_type(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    const T *from = x.data<T>(), *g = gain.data<T>(), *b = bias.data<T>();
    T *to = y.data<T>(), *means = mean.data<T>(), *inverses = inverse_std.data<T>();
    parallel_ranges(x.rows(), rows_per_chunk(cols), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* a = from + row * cols;
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < cols; ++i) sum += a[i];
        const double mu = sum / static_cast<double>(cols);
        for (int64_t i = 0; i < cols; ++i) squares += (a[i] - mu) * (a[i] - mu);
        const double r = 1 / std::sqrt(squares / static_cast<double>(cols) + eps);
        means[row] = static_cast<T>(mu);
        inverses[row] = static_cast<T>(r);
        for (int64_t i = 0; i < cols; ++i) to[row * cols + i] = static_cast<T>((a[i] - mu) * r) * g[i] + b[i];
      }
    });
  });
}

void layer_norm_backward(const Tensor& x, const Tensor& gain, const Tensor& mean, const Tensor& inverse_std,
                         const Tensor& dy, const Tensor& dx, const Tensor& dgain, const Tensor& dbias) {
  const int64_t rows = x.rows(), cols = x.cols();
  with_float_type(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    const T *from = x.data<T>(), *g = gain.data<T>(), *means = mean.data<T>(),
            *inverses = inverse_std.data<T>(), *grad = dy.data<T>();
    T *to = dx.data<T>(), *dg = dgain.data<T>(), *db = dbias.data<T>();
    // dx = r (d - mean(d) - n mean(d n)) with n the normalised row and d = dy gain.
    parallel_ranges(rows, rows_per_chunk(cols), [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *a = from + row * cols, *d = grad + row * cols;
        const double mu = means[row], r = inverses[row];
        double sum = 0, with_n = 0;
        for (int64_t i = 0; i < cols; ++i) {
          const double e = double{d[i]} * g[i];
          sum += e;
          with_n += e * (a[i] - mu) * r;
        }
        sum /= static_cast<double>(cols);
        with_n /= static_cast<double>(cols);
        for (int64_t i = 0; i < cols; ++i)
          to[row * cols + i] = static_cast<T>(r * (double{d[i]} * g[i] - sum - (a[i] - mu) * r * with_n));
      }
    });
    // Columns are shared out, rows are added in order: the sums do not depend on the threads.
    parallel_ranges(cols, 64, [=](int64_t begin, int64_t end) {
      std::vector<double> gains(static_cast<size_t>(end - begin)), biases(static_cast<size_t>(end - begin));
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t i = begin; i < end; ++i) {
          const double d = grad[row * cols + i];
          gains[static_cast<size_t>(i - begin)] += d * (from[row * cols + i] - means[row]) * inverses[row];
          biases[static_cast<size_t>(i - begin)] += d;
        }
      for (int64_t i = begin; i < end; ++i) {
        dg[i] = static_cast<T>(gains[static_cast<size_t>(i - begin)]);
        db[i] = static_cast<T>(biases[static_cast<size_t>(i - begin)]);
      }
    });
  });
}

}  // namespace

ReduceKernels reduce_kernels() { return {.sum_to = sum_to}; }

SoftmaxKernels softmax_kernels() {
  return {.forward = softmax<false>,
          .backward = softmax_backward<false>,
          .log_forward = softmax<true>,
          .log_backward = softmax_backward<true>};
}

LayerNormKernels layer_norm_kernels() { return {.forward = layer_norm, .backward = layer_norm_backward}; }

}  // namespace octet::cpu
