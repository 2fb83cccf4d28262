#include "optim/newton_schulz.h"

#include <algorithm>

#include "core/backend.h"
#include "core/ceil_div.h"

namespace octet::optim {
namespace {

constexpr int64_t kAlignment = 256;  // of each tensor in the scratch

int64_t aligned(int64_t bytes) { return ceil_div(bytes, kAlignment) * kAlignment; }
int64_t side_of(const Shape& shape) { return std::min(shape[0], shape[1]); }

}  // namespace

int64_t NewtonSchulz::scratch_bytes(const Shape& shape, DType dtype) {
  const int64_t side = side_of(shape), element = size_of(dtype);
  return 2 * (aligned(shape.numel() * element) + aligned(side * side * element));
}

NewtonSchulz::NewtonSchulz(const Tensor& scratch, const Shape& shape, DType dtype) {
  int64_t place = 0;
  const auto take = [&](int64_t rows, int64_t columns) {
    const int64_t begin = place, bytes = rows * columns * size_of(dtype);
    place += aligned(bytes);
    return scratch.slice_rows(begin, begin + bytes).view(dtype, {1, rows, columns});
  };
  const int64_t side = side_of(shape);
  x_ = take(shape[0], shape[1]);
  y_ = take(shape[0], shape[1]);
  a_ = take(side, side);
  b_ = take(side, side);
}

void NewtonSchulz::run(double scale) const {
  const auto& matmul = kernels(x_).matmul;
  const auto& pointwise = kernels(x_).pointwise;
  const bool tall = x_.size(1) > x_.size(2);
  for (int i = 0; i < kIterations; ++i) {
    const double factor = i + 1 < kIterations ? 1 : scale;
    matmul.batched({.a = x_, .b = x_, .y = a_, .bias = {}, .transpose_a = tall, .transpose_b = !tall});
    matmul.batched({.a = a_, .b = a_, .y = b_, .bias = {}});
    pointwise.affine(a_, factor * kB, 0, a_);
    pointwise.affine(b_, factor * kC, 0, b_);
    pointwise.accumulate(a_, b_);
    matmul.batched({.a = tall ? x_ : b_, .b = tall ? b_ : x_, .y = y_, .bias = {}});
    pointwise.affine(x_, factor * kA, 0, x_);
    pointwise.accumulate(y_, x_);
  }
}

}  // namespace octet::optim
