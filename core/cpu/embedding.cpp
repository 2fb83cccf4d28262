// Table look-ups, losses and changes of layout.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/cpu/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/error.h"

namespace octet::cpu {
namespace {

// Calls copy(i, id) for every position i, whose id is a row or -1.
template <class Copy>
void look_up(const Tensor& ids, int64_t rows, const Copy& copy) {
  const int32_t* id = ids.data<int32_t>();
  parallel_ranges(ids.numel(), 256, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      require(id[i] >= -1 && id[i] < rows, ErrorKind::Data, "embedding: id ", id[i], " at position ", i,
              " is not in a table of ", rows, " rows");
      copy(i, id[i]);
    }
  });
}

void embedding(const Tensor& table, const Tensor& ids, const Tensor& y) {
  const int64_t rows = table.size(0), cols = table.size(1);
  if (table.dtype() != y.dtype()) {
    const auto* from = table.data<BFloat16>();
    auto* to = y.data<float>();
    return look_up(ids, rows, [=](int64_t i, int64_t id) {
      float* row = to + i * cols;
      if (id < 0) {
        std::fill_n(row, cols, 0.0f);
      } else {
        const BFloat16* weights = from + id * cols;
        for (int64_t c = 0; c < cols; ++c) row[c] = static_cast<float>(weights[c]);
      }
    });
  }
  const auto bytes = static_cast<size_t>(cols * size_of(table.dtype()));
  const auto* from = static_cast<const std::byte*>(table.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  look_up(ids, rows, [=](int64_t i, int64_t id) {
    std::byte* row = to + static_cast<size_t>(i) * bytes;
    if (id < 0) {
      std::memset(row, 0, bytes);
    } else {
      std::memcpy(row, from + static_cast<size_t>(id) * bytes, bytes);
    }
  });
}

// Columns are shared out and every token is added in order, so a row's sum never depends on the threads.
void embedding_backward(const Tensor& ids, const Tensor& dy, int64_t padding, const Tensor& dtable) {
  const int64_t cols = dtable.size(1), count = ids.numel();
  const int32_t* id = ids.data<int32_t>();
  std::memset(dtable.raw(), 0, static_cast<size_t>(dtable.bytes()));
  with_float_type(dy.dtype(), "embedding", [&](auto zero) {
    using T = decltype(zero);
    const T* grad = dy.data<T>();
    T* to = dtable.data<T>();
    parallel_ranges(cols, 64, [=](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < count; ++i) {
        if (id[i] < 0 || id[i] == padding) continue;
        T* row = to + id[i] * cols;
        const T* g = grad + i * cols;
        for (int64_t c = begin; c < end; ++c) row[c] += g[c];
      }
    });
  });
}

// Numerically safe forms: log(sum exp) with the largest logit taken out, log(1 + exp(-|x|)).
template <class T>
double log_sum_exp(const T* x, int64_t n) {
  const T top = *std::max_element(x, x + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(double{x[i]} - top);
  return top + std::log(sum);
}

// How much each row of a loss counts.
template <class T>
class RowWeights {
 public:
  RowWeights(const Tensor& weights, int64_t rows) : total_(static_cast<double>(rows)) {
    if (!weights.defined()) return;
    weight_ = weights.data<T>();
    total_ = 0;
    for (int64_t row = 0; row < rows; ++row) total_ += weight_[row];
  }
  double operator[](int64_t row) const { return weight_ ? double{weight_[row]} : 1; }
  double mean(double sum) const { return total_ == 0 ? 0 : sum / total_; }

 private:
  const T* weight_ = nullptr;  // [rows], or null: all 1
  double total_;
};

void cross_entropy(const Tensor& logits, const LossTargets& targets, const Tensor& loss) {
  const int64_t rows = logits.rows(), cols = logits.cols();
  const int32_t* label = targets.labels.data<int32_t>();
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T* x = logits.data<T>();
    const RowWeights<T> weights(targets.weights, rows);
    double sum = 0;
    for (int64_t row = 0; row < rows; ++row) {
      require(label[row] >= 0 && label[row] < cols, ErrorKind::Data, "cross_entropy: label ", label[row],
              " of row ", row, " is not in 0..", cols - 1);
      sum += weights[row] * (log_sum_exp(x + row * cols, cols) - x[row * cols + label[row]]);
    }
    *loss.data<T>() = static_cast<T>(weights.mean(sum));
  });
}

void cross_entropy_backward(const Tensor& logits, const LossTargets& targets, const Tensor& dloss,
                            const Tensor& dlogits) {
  const int64_t rows = logits.rows(), cols = logits.cols();
  const int32_t* label = targets.labels.data<int32_t>();
  with_float_type(logits.dtype(), "cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T* x = logits.data<T>();
    T* to = dlogits.data<T>();
    const RowWeights<T> weights(targets.weights, rows);
    const double scale = weights.mean(*dloss.data<T>());
    for (int64_t row = 0; row < rows; ++row) {
      const double shift = log_sum_exp(x + row * cols, cols), row_scale = scale * weights[row];
      for (int64_t i = 0; i < cols; ++i)
        to[row * cols + i] =
            static_cast<T>(row_scale * (std::exp(x[row * cols + i] - shift) - (i == label[row])));
    }
  });
}

void binary_cross_entropy(const Tensor& logits, const LossTargets& targets, const Tensor& loss) {
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T *x = logits.data<T>(), *t = targets.labels.data<T>();
    const int64_t n = logits.numel();
    const RowWeights<T> weights(targets.weights, n);
    double sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += weights[i] * (std::max(double{x[i]}, 0.0) - double{x[i]} * t[i] +
                           std::log1p(std::exp(-std::abs(double{x[i]}))));
    *loss.data<T>() = static_cast<T>(weights.mean(sum));
  });
}

void binary_cross_entropy_backward(const Tensor& logits, const LossTargets& targets, const Tensor& dloss,
                                   const Tensor& dlogits) {
  with_float_type(logits.dtype(), "binary_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    const T *x = logits.data<T>(), *t = targets.labels.data<T>();
    T* to = dlogits.data<T>();
    const int64_t n = logits.numel();
    const RowWeights<T> weights(targets.weights, n);
    const double scale = weights.mean(*dloss.data<T>());
    for (int64_t i = 0; i < n; ++i)
      to[i] = static_cast<T>(scale * weights[i] * (1 / (1 + std::exp(-double{x[i]})) - t[i]));
  });
}

void permute(const Tensor& x, std::span<const int> axes, const Tensor& y) {
  const int rank = x.shape().rank();
  int64_t stride[Shape::kMaxRank], step = 1, taken[Shape::kMaxRank];
  for (int axis = rank - 1; axis >= 0; step *= x.size(axis), --axis) stride[axis] = step;
  for (int axis = 0; axis < rank; ++axis) taken[axis] = stride[axes[static_cast<size_t>(axis)]];
  const int64_t element = size_of(x.dtype()), cols = y.cols(), inner = rank ? taken[rank - 1] : 0;
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  parallel_ranges(y.rows(), 256, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t at = 0;
      for (int64_t rest = row, axis = rank - 2; axis >= 0; --axis) {
        at += rest % y.size(static_cast<int>(axis)) * taken[axis];
        rest /= y.size(static_cast<int>(axis));
      }
      if (inner == 1) {
        std::memcpy(to + row * cols * element, from + at * element, static_cast<size_t>(cols * element));
      } else {
        for (int64_t i = 0; i < cols; ++i)
          std::memcpy(to + (row * cols + i) * element, from + (at + i * inner) * element,
                      static_cast<size_t>(element));
      }
    }
  });
}

void copy_block(const Tensor& x, const Tensor& y, const BlockCopy& block) {
  const int64_t element = size_of(x.dtype());
  const auto* from = static_cast<const std::byte*>(x.raw()) + block.from * element;
  auto* to = static_cast<std::byte*>(y.raw()) + block.to * element;
  for (int64_t i = 0; i < block.count; ++i)
    std::memcpy(to + i * block.to_stride * element, from + i * block.from_stride * element,
                static_cast<size_t>(block.length * element));
}

}  // namespace

EmbeddingKernels embedding_kernels() { return {.forward = embedding, .backward = embedding_backward}; }

LossKernels loss_kernels() {
  return {.cross_entropy = cross_entropy,
          .cross_entropy_backward = cross_entropy_backward,
          .binary_cross_entropy = binary_cross_entropy,
          .binary_cross_entropy_backward = binary_cross_entropy_backward};
}

LayoutKernels layout_kernels() { return {.permute = permute, .copy_block = copy_block}; }

}  // namespace octet::cpu
