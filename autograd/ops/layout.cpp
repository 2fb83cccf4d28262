// Dropout and changes of shape and order.

#include <algorithm>
#include <numeric>

#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

struct Dropout {
  double p;
  uint64_t key, first;  // the mask is drawn again in backward rather than stored

  Tensor forward(const Tensor& x) const { return apply(x); }
  Tensor backward(const Tensor& dy, const Wanted&) const { return apply(dy); }

 private:
  Tensor apply(const Tensor& x) const {
    Tensor y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).dropout.apply(x, p, key, first, y);
    return y;
  }
};

struct Reshape {
  Shape to, from = {};

  Tensor forward(const Tensor& x) {
    from = x.shape();
    return x.reshape(to);
  }
  Tensor backward(const Tensor& dy, const Wanted&) const { return dy.reshape(from); }
};

Tensor permuted(const Tensor& x, const std::vector<int>& axes) {
  std::vector<int64_t> sizes;
  for (const int axis : axes) sizes.push_back(x.size(axis));
  Tensor y = Tensor::like(x, Shape(sizes), MemoryTag::Activations);
  if (y.numel() > 0) kernels(x).layout.permute(x, axes, y);
  return y;
}

struct Permute {
  std::vector<int> axes;

  Tensor forward(const Tensor& x) const { return permuted(x, axes); }
  Tensor backward(const Tensor& dy, const Wanted&) const {
    std::vector<int> inverse(axes.size());
    for (size_t i = 0; i < axes.size(); ++i) inverse[static_cast<size_t>(axes[i])] = static_cast<int>(i);
    return permuted(dy, inverse);
  }
};

// A piece of `whole` along one axis: [begin, begin + piece's size) of it, as runs of elements.
BlockCopy piece_of(const Shape& whole, const Shape& piece, int axis, int64_t begin) {
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= whole[i];
  for (int i = axis + 1; i < whole.rank(); ++i) inner *= whole[i];
  return {outer, piece[axis] * inner, begin * inner, whole[axis] * inner, 0, piece[axis] * inner};
}

void take(const Tensor& whole, const Tensor& piece, int axis, int64_t begin) {
  kernels(whole).layout.copy_block(whole, piece, piece_of(whole.shape(), piece.shape(), axis, begin));
}

void put(const Tensor& piece, const Tensor& whole, int axis, int64_t begin) {
  BlockCopy block = piece_of(whole.shape(), piece.shape(), axis, begin);
  std::swap(block.from, block.to);
  std::swap(block.from_stride, block.to_stride);
  kernels(whole).layout.copy_block(piece, whole, block);
}

struct Slice {
  int axis;
  int64_t begin, end;
  Shape whole = {};

  Tensor forward(const Tensor& x) {
    whole = x.shape();
    Shape shape = whole;
    shape.set(axis, end - begin);
    Tensor y = Tensor::like(x, shape, MemoryTag::Activations);
    take(x, y, axis, begin);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted& wanted) const {
    Tensor dx = wanted.like(0, dy, whole);
    dx.fill(0);
    put(dy, dx, axis, begin);
    return dx;
  }
};

struct Concat {
  int axis;
  std::vector<Shape> shapes = {};

  Tensor forward(const std::vector<Tensor>& parts) {
    Shape shape = parts[0].shape();
    int64_t size = 0;
    for (const Tensor& part : parts) {
      shapes.push_back(part.shape());
      size += part.size(axis);
    }
    shape.set(axis, size);
    Tensor y = Tensor::like(parts[0], shape, MemoryTag::Activations);
    int64_t begin = 0;
    for (const Tensor& part : parts) {
      put(part, y, axis, begin);
      begin += part.size(axis);
    }
    return y;
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const {
    std::vector<Tensor> result;
    int64_t begin = 0;
    for (size_t i = 0; i < shapes.size(); ++i) {
      result.push_back(wanted.like(i, dy, shapes[i]));
      if (wanted[i]) take(dy, result.back(), axis, begin);
      begin += shapes[i][axis];
    }
    return result;
  }
};

}  // namespace

Variable dropout(const Variable& x, double p, Rng& rng) {
  require(p >= 0 && p < 1, "dropout: probability ", p, " is not in [0, 1)");
  if (p == 0) return x;
  return record(Dropout{p, rng.key(), rng.draw(x.value().numel())}, x);
}

Variable reshape(const Variable& x, const Shape& shape) { return record(Reshape{shape}, x); }

Variable permute(const Variable& x, std::vector<int> axes) {
  for (int& axis : axes) axis = x.shape().axis(axis);
  std::vector<int> sorted = axes, all(static_cast<size_t>(x.shape().rank()));
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  require(sorted == all, "permute: every axis of ", x.shape(), " must be named once");
  return record(Permute{std::move(axes)}, x);
}

Variable transpose(const Variable& x, int axis1, int axis2) {
  std::vector<int> axes(static_cast<size_t>(x.shape().rank()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<size_t>(x.shape().axis(axis1))],
            axes[static_cast<size_t>(x.shape().axis(axis2))]);
  return permute(x, std::move(axes));
}

Variable slice(const Variable& x, int axis, int64_t begin, int64_t end) {
  axis = x.shape().axis(axis);
  require(0 <= begin && begin <= end && end <= x.size(axis), "slice: [", begin, ",", end,
          ") is not inside axis ", axis, " of ", x.shape());
  return record(Slice{axis, begin, end}, x);
}

Variable concat(const std::vector<Variable>& parts, int axis) {
  require(!parts.empty(), "concat: nothing to join");
  axis = parts[0].shape().axis(axis);
  for (const Variable& part : parts) {
    Shape aligned = part.shape();
    require(aligned.rank() == parts[0].shape().rank() && part.dtype() == parts[0].dtype(),
            "concat: ", part.shape(), " of ", part.dtype(), " does not fit ", parts[0].shape(), " of ",
            parts[0].dtype());
    aligned.set(axis, parts[0].size(axis));
    require(aligned == parts[0].shape(), "concat: ", part.shape(), " and ", parts[0].shape(),
            " differ beside axis ", axis);
  }
  return record_all(Concat{axis}, parts);
}

}  // namespace octet
