// Sums, softmax and layer norm.

#include <algorithm>

#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

struct SumOver {
  Shape kept, result;  // the reduced axes as size 1; the shape that is returned
  double scale;
  Shape input = {};

  Tensor forward(const Tensor& x) {
    input = x.shape();
    Tensor y = Tensor::like(x, kept, MemoryTag::Activations);
    kernels(x).reduce.sum_to(x, scale, y);
    return y.reshape(result);
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dx = wanted.like(0, dy, input);
    const Tensor zero = Tensor::zeros(Shape{}, dy.dtype(), dy.device(), MemoryTag::Workspace);
    Tensor scaled = Tensor::like(dy, kept, MemoryTag::Workspace);
    kernels(dy).pointwise.affine(dy.reshape(kept), scale, 0, scaled);
    kernels(dy).pointwise.binary[IndexIn<Add, BinaryOps>::value](scaled, zero, dx);
    return dx;
  }
};

Variable reduce(const Variable& x, std::vector<int> axes, bool keep, bool average, const char* what) {
  const Shape& shape = x.shape();
  if (axes.empty())
    for (int axis = 0; axis < shape.rank(); ++axis) axes.push_back(axis);
  for (int& axis : axes) axis = shape.axis(axis);
  std::sort(axes.begin(), axes.end());
  require(std::adjacent_find(axes.begin(), axes.end()) == axes.end(), what, ": an axis is named twice");
  Shape kept = shape;
  std::vector<int64_t> left;
  int64_t count = 1;
  for (const int axis : axes) {
    count *= shape[axis];
    kept.set(axis, 1);
  }
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (keep || !std::binary_search(axes.begin(), axes.end(), axis)) left.push_back(kept[axis]);
  require(!average || count > 0, what, ": the mean of no elements, shape ", shape);
  return record(SumOver{kept, Shape(left), average ? 1 / static_cast<double>(count) : 1.0}, x);
}

template <bool kLog>
struct Softmax {
  Tensor y;

  Tensor forward(const Tensor& x) {
    y = Tensor::like(x, MemoryTag::Activations);
    const SoftmaxKernels& k = kernels(x).softmax;
    (kLog ? k.log_forward : k.forward)(x, y);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dx = wanted.like(0, y);
    const SoftmaxKernels& k = kernels(y).softmax;
    (kLog ? k.log_backward : k.backward)(y, dy, dx);
    return dx;
  }
};

struct LayerNormOp {
  double eps;
  Tensor x, gain, mean, inverse_std;

  Tensor forward(const Tensor& input, const Tensor& g, const Tensor& bias) {
    x = input;
    gain = g;
    mean = Tensor::like(x, {x.rows()}, MemoryTag::Activations);
    inverse_std = Tensor::like(mean, MemoryTag::Activations);
    Tensor y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).layer_norm.forward(x, gain, bias, eps, y, mean, inverse_std);
    return y;
  }
  std::array<Tensor, 3> backward(const Tensor& dy, const Wanted& wanted) const {
    const auto bytes_for = [&](size_t i, const Tensor& value) {
      return wanted[i] ? wanted.like(i, value) : Tensor::like(value, MemoryTag::Workspace);
    };
    std::array<Tensor, 3> d = {bytes_for(0, x), bytes_for(1, gain), bytes_for(2, gain)};
    kernels(x).layer_norm.backward(x, gain, mean, inverse_std, dy, d[0], d[1], d[2]);
    return d;
  }
};

}  // namespace

Variable sum(const Variable& x, std::vector<int> axes, bool keep) {
  return reduce(x, std::move(axes), keep, false, "sum");
}
Variable mean(const Variable& x, std::vector<int> axes, bool keep) {
  return reduce(x, std::move(axes), keep, true, "mean");
}
Variable softmax(const Variable& x) {
  require(x.shape().rank() > 0 && x.size(-1) > 0, "softmax: no elements in the last axis of ", x.shape());
  return record(Softmax<false>{}, x);
}
Variable log_softmax(const Variable& x) {
  require(x.shape().rank() > 0 && x.size(-1) > 0, "log_softmax: no elements in the last axis of ", x.shape());
  return record(Softmax<true>{}, x);
}
Variable layer_norm(const Variable& x, const Variable& gain, const Variable& bias, double eps) {
  require(x.shape().rank() > 0 && gain.shape() == Shape{x.size(-1)} && bias.shape() == gain.shape(),
          "layer_norm: input ", x.shape(), " does not fit gain ", gain.shape(), " and bias ", bias.shape());
  return record(LayerNormOp{eps}, x, gain, bias);
}

}  // namespace octet
