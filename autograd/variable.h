// A Variable is a Tensor that remembers how it was made, so that gradients can flow back to the leaves it was
// made from. Like a Tensor it is a cheap handle.
#pragma once

#include <memory>
#include <string>

#include "core/tensor.h"

namespace octet {

class Node;
class GradientSink;

// Where the gradient of a value goes: output `slot` of the operation that made it, or a leaf's sink.
struct Edge {
  std::shared_ptr<Node> node;
  int slot = 0;
};

class Variable {
 public:
  Variable() = default;
  explicit Variable(Tensor value);     // a constant: no gradient flows to it
  static Variable leaf(Tensor value);  // collects a gradient: a parameter, or an input under test
  Variable(Tensor value, Edge maker);  // a result; made by record(), not by users

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int64_t size(int axis) const { return value_.size(axis); }
  DType dtype() const { return value_.dtype(); }
  Device device() const { return value_.device(); }
  bool requires_grad() const { return edge_.node != nullptr; }
  bool is_leaf() const { return sink_ != nullptr; }
  const Edge& edge() const { return edge_; }

  // The same value, cut off from the graph.
  Variable detach() const { return Variable(value_); }

  // A leaf's gradient: bytes of its own that stay the same from step to step, f32 for a value of BF16. Zeros
  // where nothing has flowed since zero_grad. Errors: not a leaf.
  const Tensor& grad() const;
  // Makes the next gradient overwrite instead of add. Touches no memory.
  void zero_grad() const;

  // Adds d(this)/d(leaf) to every leaf's gradient; this must have one element. The graph is freed on the way.
  // Errors: no graph, a graph already freed, more than one element.
  void backward() const;
  // The same from a given gradient, of this value's shape and of the type that it is computed with.
  void backward(const Tensor& gradient) const;

 private:
  Tensor value_;
  Edge edge_;
  std::shared_ptr<GradientSink> sink_;  // the same object as edge_.node, in a leaf
};

// A parameter with the name that checkpoints, optimizer groups and error messages know it by.
struct NamedParameter {
  std::string name;
  Variable variable;
  bool full_precision_state = false;  // asked for by its module: optimizer state is not to be rounded
};

// False inside a NoGrad scope of this thread: results are constants there.
bool grad_enabled();

class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace octet
