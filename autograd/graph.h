// The graph behind Variables, for those who write operations. An operation is one struct:
//
//   struct Square {
//     Tensor x;                                                     // exactly what backward needs
//     Tensor forward(const Tensor& input) { x = input; ... }        // one Tensor a Variable; returns a
//     Tensor, or
//                                                                   // std::array<Tensor, N> for several
//                                                                   outputs
//     Tensor backward(const Tensor& dy, const Wanted& wanted) ...   // a Tensor, or std::array<Tensor, N> of
//     the inputs
//   };
//   Variable square(const Variable& x) { return record(Square{}, x); }
//
// It keeps Tensors, never Variables, so there are no cycles. With several outputs backward gets
// std::array<Tensor, N>, undefined where nothing flowed back.
#pragma once

#include <array>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "core/error.h"

namespace octet {

class Node {
 public:
  virtual ~Node();
  // Gradients of the inputs from those of the outputs; undefined where not wanted.
  virtual std::vector<Tensor> backward(std::vector<Tensor> outputs) = 0;
  virtual void release() = 0;  // drops what backward kept
  virtual bool released() const = 0;
  virtual int outputs() const = 0;

  std::vector<Edge> inputs;  // a null node where no gradient is wanted
};

// The end of a leaf: adds up what arrives in a buffer that stays.
class GradientSink final : public Node {
 public:
  GradientSink(const Tensor& value)
      : shape_(value.shape()), dtype_(computed_as(value.dtype())), device_(value.device()) {}
  std::vector<Tensor> backward(std::vector<Tensor> outputs) override;
  void release() override {}
  bool released() const override { return false; }
  int outputs() const override { return 1; }

  const Tensor& gradient();
  void reset() { fresh_ = true; }
  // The buffer itself for an operation to write to, if it would be overwritten anyhow; else undefined.
  Tensor lend();

 private:
  const Tensor& buffer();

  Shape shape_;
  DType dtype_;
  Device device_;
  Tensor buffer_;
  bool fresh_ = true;  // holds nothing that counts
  bool lent_ = false;
};

// Which inputs' gradients backward is asked for, and bytes for them.
class Wanted {
 public:
  explicit Wanted(const std::vector<Edge>& inputs) : inputs_(inputs) {}
  bool operator[](size_t input) const { return inputs_[input].node != nullptr; }
  // Uninitialised, for the gradient of input number `input`, whose value is like `value` (f32 where that is
  // BF16): a leaf's own buffer when that saves a copy. All of it must be written. Undefined if not wanted.
  Tensor like(size_t input, const Tensor& value) const { return like(input, value, value.shape()); }
  Tensor like(size_t input, const Tensor& value, const Shape& shape) const;

 private:
  const std::vector<Edge>& inputs_;
};

namespace detail {

template <class T>
struct IsArray : std::false_type {};
template <class T, size_t N>
struct IsArray<std::array<T, N>> : std::true_type {};

inline std::vector<Tensor> as_vector(std::vector<Tensor> x) { return x; }
inline std::vector<Tensor> as_vector(Tensor x) { return {std::move(x)}; }
template <size_t N>
std::vector<Tensor> as_vector(std::array<Tensor, N> x) {
  return {std::make_move_iterator(x.begin()), std::make_move_iterator(x.end())};
}

template <class Op, class Out>
class OpNode final : public Node {
 public:
  explicit OpNode(Op op) : op_(std::move(op)) {}
  std::vector<Tensor> backward(std::vector<Tensor> gradients) override {
    const Wanted wanted(inputs);
    if constexpr (IsArray<Out>::value) {
      Out array;
      std::move(gradients.begin(), gradients.end(), array.begin());
      return as_vector(op_->backward(array, wanted));
    } else {
      return as_vector(op_->backward(gradients[0], wanted));
    }
  }
  void release() override { op_.reset(); }
  bool released() const override { return !op_; }
  int outputs() const override {
    if constexpr (IsArray<Out>::value) return static_cast<int>(std::tuple_size_v<Out>);
    return 1;
  }

 private:
  std::optional<Op> op_;
};

template <class Op, class Out>
auto finish(Op op, Out out, const std::vector<const Variable*>& inputs) {
  std::shared_ptr<Node> node;
  bool flows = false;
  for (const Variable* input : inputs) flows |= input->requires_grad();
  if (flows && grad_enabled()) {
    node = std::make_shared<OpNode<Op, Out>>(std::move(op));
    for (const Variable* input : inputs) node->inputs.push_back(input->edge());
  }
  const auto wrap = [&](Tensor value, int slot) {
    return node ? Variable(std::move(value), Edge{node, slot}) : Variable(std::move(value));
  };
  if constexpr (IsArray<Out>::value) {
    std::array<Variable, std::tuple_size_v<Out>> results;
    for (size_t i = 0; i < results.size(); ++i) results[i] = wrap(std::move(out[i]), static_cast<int>(i));
    return results;
  } else {
    return wrap(std::move(out), 0);
  }
}

}  // namespace detail

// Runs op.forward on the inputs' values and enters it in the graph if a gradient can flow.
template <class Op, class... Inputs>
auto record(Op op, const Inputs&... inputs) {
  auto out = op.forward(inputs.value()...);
  return detail::finish(std::move(op), std::move(out), {&inputs...});
}

// The same for an operation on any number of inputs: forward takes std::vector<Tensor>.
template <class Op>
auto record_all(Op op, const std::vector<Variable>& inputs) {
  std::vector<Tensor> values;
  std::vector<const Variable*> pointers;
  for (const Variable& input : inputs) {
    values.push_back(input.value());
    pointers.push_back(&input);
  }
  auto out = op.forward(values);
  return detail::finish(std::move(op), std::move(out), pointers);
}

}  // namespace octet
