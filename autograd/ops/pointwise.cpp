#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

void check_floating(const Variable& x, const char* what) {
  require(x.dtype() == DType::F32 || x.dtype() == DType::F64, what, ": needs f32 or f64, got ", x.dtype());
}

template <class Op>
struct Unary {
  static constexpr size_t kIndex = IndexIn<Op, UnaryOps>::value;
  Tensor saved;

  Tensor forward(const Tensor& x) {
    Tensor y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).pointwise.unary[kIndex](x, y);
    saved = Op::kSaves == Saves::Input ? x : y;
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dx = wanted.like(0, saved);
    kernels(dy).pointwise.unary_backward[kIndex](saved, dy, dx);
    return dx;
  }
};

template <class Op>
Variable unary(const Variable& x) {
  check_floating(x, Op::kName);
  return record(Unary<Op>{}, x);
}

template <class Op>
Tensor apply(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::like(a, broadcast(a.shape(), b.shape(), Op::kName), MemoryTag::Activations);
  kernels(a).pointwise.binary[IndexIn<Op, BinaryOps>::value](a, b, y);
  return y;
}

Tensor scaled(const Tensor& x, double scale) {
  Tensor y = Tensor::like(x, MemoryTag::Activations);
  kernels(x).pointwise.affine(x, scale, 0, y);
  return y;
}

// The gradient of a broadcast operand: summed over the axes it was stretched along.
Tensor shrunk(const Tensor& dy, const Shape& shape, double scale = 1) {
  if (dy.shape() == shape) return scale == 1 ? dy : scaled(dy, scale);
  Shape kept = dy.shape();
  for (int axis = 0; axis < kept.rank(); ++axis) {
    const int own = axis - (kept.rank() - shape.rank());
    kept.set(axis, own < 0 ? 1 : shape[own]);
  }
  Tensor dx = Tensor::like(dy, kept, MemoryTag::Activations);
  kernels(dy).reduce.sum_to(dy, scale, dx);
  return dx.reshape(shape);
}

template <class Op, int kSign>
struct Sum {  // a + b, or a - b
  Shape a_shape, b_shape;

  Tensor forward(const Tensor& a, const Tensor& b) {
    a_shape = a.shape();
    b_shape = b.shape();
    return apply<Op>(a, b);
  }
  std::array<Tensor, 2> backward(const Tensor& dy, const Wanted& wanted) const {
    return {wanted[0] ? shrunk(dy, a_shape) : Tensor(), wanted[1] ? shrunk(dy, b_shape, kSign) : Tensor()};
  }
};

struct Product {
  Tensor a, b;

  Tensor forward(const Tensor& left, const Tensor& right) {
    a = left;
    b = right;
    return apply<Mul>(a, b);
  }
  std::array<Tensor, 2> backward(const Tensor& dy, const Wanted& wanted) const {
    return {wanted[0] ? shrunk(apply<Mul>(dy, b), a.shape()) : Tensor(),
            wanted[1] ? shrunk(apply<Mul>(dy, a), b.shape()) : Tensor()};
  }
};

struct Quotient {
  Tensor b, y;

  Shape a_shape;
  Tensor forward(const Tensor& left, const Tensor& right) {
    a_shape = left.shape();
    b = right;
    y = apply<Div>(left, b);
    return y;
  }
  std::array<Tensor, 2> backward(const Tensor& dy, const Wanted& wanted) const {
    const Tensor da = apply<Div>(dy, b);  // da = dy / b, db = -da y
    return {wanted[0] ? shrunk(da, a_shape) : Tensor(),
            wanted[1] ? shrunk(apply<Mul>(da, y), b.shape(), -1) : Tensor()};
  }
};

struct Affine {
  double scale, shift;

  Tensor forward(const Tensor& x) const {
    Tensor y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).pointwise.affine(x, scale, shift, y);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted&) const { return scaled(dy, scale); }
};

void check_pair(const Variable& a, const Variable& b, const char* what) {
  check_floating(a, what);
  require(a.dtype() == b.dtype() && a.device() == b.device(), what, ": operands differ, ", a.dtype(), " on ",
          a.device(), " and ", b.dtype(), " on ", b.device());
}

}  // namespace

Variable exp(const Variable& x) { return unary<Exp>(x); }
Variable log(const Variable& x) { return unary<Log>(x); }
Variable sqrt(const Variable& x) { return unary<Sqrt>(x); }
Variable tanh(const Variable& x) { return unary<Tanh>(x); }
Variable sigmoid(const Variable& x) { return unary<Sigmoid>(x); }
Variable relu(const Variable& x) { return unary<Relu>(x); }
Variable gelu(const Variable& x) { return unary<Gelu>(x); }

Variable add(const Variable& a, const Variable& b) {
  check_pair(a, b, "add");
  return record(Sum<Add, 1>{}, a, b);
}
Variable sub(const Variable& a, const Variable& b) {
  check_pair(a, b, "sub");
  return record(Sum<Sub, -1>{}, a, b);
}
Variable mul(const Variable& a, const Variable& b) {
  check_pair(a, b, "mul");
  return record(Product{}, a, b);
}
Variable div(const Variable& a, const Variable& b) {
  check_pair(a, b, "div");
  return record(Quotient{}, a, b);
}
Variable affine(const Variable& x, double scale, double shift) {
  check_floating(x, "affine");
  return record(Affine{scale, shift}, x);
}

}  // namespace octet
