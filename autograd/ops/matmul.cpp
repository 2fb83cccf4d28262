#include "autograd/functions.h"
#include "autograd/graph.h"
#include "autograd/ops/weights.h"
#include "core/backend.h"

namespace octet {
namespace {

// Leading axes folded into one: [batch, rows, cols].
Tensor folded(const Tensor& x) {
  const int64_t rows = x.size(-2), cols = x.size(-1);
  return x.reshape({rows * cols == 0 ? 0 : x.numel() / (rows * cols), rows, cols});
}

// [batch, rows, cols] with the batch laid into the rows.
Tensor flat(const Tensor& x) { return x.reshape({1, x.size(0) * x.size(1), x.size(2)}); }

void product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, const Tensor& y,
             const Tensor& bias = {}) {
  kernels(a).matmul.batched({a, b, y, bias, transpose_a, transpose_b});
}

struct Matmul {
  Transpose transpose;
  Tensor a, b;  // [batch, ., .], b's batch may be 1

  Tensor forward(const Tensor& left, const Tensor& right) {
    a = folded(left);
    b = folded(right);
    Shape shape = left.shape();
    shape.set(-2, transpose.a ? left.size(-1) : left.size(-2));
    shape.set(-1, transpose.b ? right.size(-2) : right.size(-1));
    Tensor y = Tensor::like(left, shape, MemoryTag::Activations);
    if (y.numel() > 0 && a.numel() == 0) y.fill(0);
    if (a.numel() > 0 && b.numel() > 0) product(a, transpose.a, widened(b), transpose.b, folded(y));
    left_shape = left.shape();
    right_shape = right.shape();
    return y;
  }
  Shape left_shape, right_shape;

  // y = op(a) op(b): da = dy op(b)^T and db = op(a)^T dy, each transposed back if the operand was.
  std::array<Tensor, 2> backward(const Tensor& gradient, const Wanted& wanted) const {
    const Tensor dy = folded(gradient);
    const Tensor da = wanted.like(0, a, left_shape), db = wanted.like(1, b, right_shape);
    if (da.defined()) {
      if (transpose.a) {
        product(widened(b), transpose.b, dy, true, folded(da));
      } else {
        product(dy, false, widened(b), !transpose.b, folded(da));
      }
    }
    if (db.defined()) {
      const bool shared =
          b.size(0) == 1 && a.size(0) > 1;  // the batch is summed: one product over all its rows
      if (shared) {
        require(!transpose.a,
                "matmul: no gradient for a matrix shared by a batch whose other operand is transposed");
        if (transpose.b) {
          product(flat(dy), true, flat(a), false, folded(db));
        } else {
          product(flat(a), true, flat(dy), false, folded(db));
        }
      } else if (transpose.b) {
        product(dy, true, a, transpose.a, folded(db));
      } else {
        product(a, !transpose.a, dy, false, folded(db));
      }
    }
    return {da, db};
  }
};

struct LinearOp {
  Tensor x, weight;
  bool biased;

  Tensor forward(const Tensor& input, const Tensor& w) { return forward(input, w, {}); }
  Tensor forward(const Tensor& input, const Tensor& w, const Tensor& bias) {
    x = input;
    weight = w;
    biased = bias.defined();
    Shape shape = x.shape();
    shape.set(-1, w.size(0));
    Tensor y = Tensor::like(x, shape, MemoryTag::Activations);
    product(matrix(x), false, matrix(widened(w)), true, matrix(y), bias);
    return y;
  }
  std::vector<Tensor> backward(const Tensor& gradient, const Wanted& wanted) const {
    const Tensor dy = matrix(gradient), dx = wanted.like(0, x), dw = wanted.like(1, weight);
    if (dx.defined()) product(dy, false, matrix(widened(weight)), false, matrix(dx));
    if (dw.defined()) product(dy, true, matrix(x), false, matrix(dw));
    std::vector<Tensor> result = {dx, dw};
    if (biased) {
      const Tensor db = wanted.like(2, weight, {weight.size(0)});
      if (db.defined()) kernels(dy).reduce.sum_to(dy, 1, db.reshape({1, 1, db.numel()}));
      result.push_back(db);
    }
    return result;
  }

 private:
  static Tensor matrix(const Tensor& t) { return t.reshape({1, t.rows(), t.cols()}); }
};

}  // namespace

Variable matmul(const Variable& a, const Variable& b, Transpose transpose) {
  require(is_weight_for(a.dtype(), b.dtype()) && a.device() == b.device(), "matmul: operands are ", a.dtype(),
          " on ", a.device(), " and ", b.dtype(), " on ", b.device(),
          "; they need one device and one type, f32 or f64 (only the second may be bf16, beside f32)");
  require(a.shape().rank() >= 2 && b.shape().rank() >= 2, "matmul: operands need two axes at least, ",
          a.shape(), " x ", b.shape());
  require((transpose.a ? a.size(-2) : a.size(-1)) == (transpose.b ? b.size(-1) : b.size(-2)),
          "matmul: inner sizes differ, ", a.shape(), transpose.a ? "^T" : "", " x ", b.shape(),
          transpose.b ? "^T" : "");
  bool same = b.shape().rank() == 2 || a.shape().rank() == b.shape().rank();
  if (b.shape().rank() > 2)
    for (int axis = 0; same && axis < a.shape().rank() - 2; ++axis) same = a.size(axis) == b.size(axis);
  require(same, "matmul: batches differ, ", a.shape(), " x ", b.shape());
  return record(Matmul{transpose}, a, b);
}

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  require(weight.shape().rank() == 2 && x.shape().rank() >= 1 && x.size(-1) == weight.size(1),
          "linear: input ", x.shape(), " does not fit weight ", weight.shape(), " (out, in)");
  require(is_weight_for(x.dtype(), weight.dtype()), "linear: input is ", x.dtype(), ", weight is ",
          weight.dtype(), "; they need one type, f32 or f64 (only the weight may be bf16, beside f32)");
  require(!bias.defined() || (bias.shape() == Shape{weight.size(0)} && bias.dtype() == x.dtype()),
          "linear: bias ", bias.shape(), " of ", bias.dtype(), " does not fit weight ", weight.shape(),
          " and input of ", x.dtype());
  return bias.defined() ? record(LinearOp{}, x, weight, bias) : record(LinearOp{}, x, weight);
}

}  // namespace octet
