#include "autograd/graph.h"

#include <algorithm>
#include <unordered_map>

#include "core/backend.h"

namespace octet {
namespace {

thread_local bool enabled = true;

// Adds y to x in place where nobody else sees x's bytes.
Tensor sum(Tensor x, const Tensor& y) {
  if (!x.is_unique()) x = x.clone(MemoryTag::Activations);
  kernels(x).pointwise.accumulate(y, x);
  return x;
}

struct Pending {
  int consumers = 0;              // operations that have yet to send their gradient here
  std::vector<Tensor> gradients;  // one an output
};

}  // namespace

bool grad_enabled() { return enabled; }
NoGrad::NoGrad() : before_(enabled) { enabled = false; }
NoGrad::~NoGrad() { enabled = before_; }

// Chains of thousands of nodes must not be freed by recursion: each hands its inputs to a list first.
Node::~Node() {
  std::vector<Edge> list = std::move(inputs);
  while (!list.empty()) {
    const Edge edge = std::move(list.back());
    list.pop_back();
    if (!edge.node || edge.node.use_count() > 1) continue;
    std::move(edge.node->inputs.begin(), edge.node->inputs.end(), std::back_inserter(list));
    edge.node->inputs.clear();
  }
}

Tensor Wanted::like(size_t input, const Tensor& value, const Shape& shape) const {
  if (!(*this)[input]) return {};
  if (auto* sink = dynamic_cast<GradientSink*>(inputs_[input].node.get())) {
    Tensor buffer = sink->lend();
    if (buffer.defined() && buffer.shape() == shape) return buffer;
  }
  return Tensor::empty(shape, computed_as(value.dtype()), value.device(), MemoryTag::Activations);
}

const Tensor& GradientSink::buffer() {
  if (!buffer_.defined()) buffer_ = Tensor::empty(shape_, dtype_, device_, MemoryTag::Gradients);
  return buffer_;
}

const Tensor& GradientSink::gradient() {
  if (fresh_) buffer().fill(0);
  fresh_ = false;
  return buffer_;
}

Tensor GradientSink::lend() {
  if (!fresh_ || lent_) return {};
  lent_ = true;
  return buffer();
}

std::vector<Tensor> GradientSink::backward(std::vector<Tensor> outputs) {
  const Tensor& gradient = outputs[0];
  if (!gradient.shares_bytes_with(buffer())) {
    if (fresh_) {
      buffer_.copy_from(gradient);
    } else {
      kernels(buffer_).pointwise.accumulate(gradient, buffer_);
    }
  }
  fresh_ = false;
  lent_ = false;
  return {};
}

Variable::Variable(Tensor value) : value_(std::move(value)) {}
Variable::Variable(Tensor value, Edge maker) : value_(std::move(value)), edge_(std::move(maker)) {}

Variable Variable::leaf(Tensor value) {
  Variable leaf(std::move(value));
  leaf.sink_ = std::make_shared<GradientSink>(leaf.value_);
  leaf.edge_ = {leaf.sink_, 0};
  return leaf;
}

const Tensor& Variable::grad() const {
  require(sink_ != nullptr, "grad: only a leaf keeps its gradient, this value of shape ", shape(),
          " is a result");
  return sink_->gradient();
}

void Variable::zero_grad() const {
  if (sink_) sink_->reset();
}

void Variable::backward() const {
  require(value_.numel() == 1, "backward: needs one element to start from, this value is ", shape(),
          "; reduce it, or pass a gradient");
  backward(Tensor::full(shape(), 1, computed_as(dtype()), device(), MemoryTag::Activations));
}

void Variable::backward(const Tensor& gradient) const {
  require(requires_grad(), "backward: this value was not made from anything that requires a gradient");
  require(gradient.shape() == shape() && gradient.dtype() == computed_as(dtype()),
          "backward: the gradient is ", gradient.shape(), " of ", gradient.dtype(), ", the value is ",
          shape(), " of ", dtype());
  // How many operations send a gradient to each node, found without recursion.
  std::unordered_map<Node*, Pending> pending;
  std::vector<Node*> list = {edge_.node.get()};
  pending[edge_.node.get()];
  while (!list.empty()) {
    Node* node = list.back();
    list.pop_back();
    require(!node->released(), "backward: this graph was already gone through and freed; run forward again");
    for (const Edge& edge : node->inputs) {
      if (!edge.node) continue;
      Pending& input = pending[edge.node.get()];
      if (input.consumers++ == 0) list.push_back(edge.node.get());
    }
  }
  const auto send = [&](const Edge& edge, Tensor value) {
    auto& slots = pending[edge.node.get()].gradients;
    slots.resize(static_cast<size_t>(edge.node->outputs()));
    Tensor& slot = slots[static_cast<size_t>(edge.slot)];
    slot = slot.defined() ? sum(std::move(slot), value) : std::move(value);
  };
  send(edge_, gradient);

  std::vector<std::shared_ptr<Node>> ready = {edge_.node};
  while (!ready.empty()) {
    const std::shared_ptr<Node> node = std::move(ready.back());
    ready.pop_back();
    std::vector<Tensor> outputs = std::move(pending[node.get()].gradients);
    const bool flowed =
        std::any_of(outputs.begin(), outputs.end(), [](const Tensor& t) { return t.defined(); });
    std::vector<Tensor> inputs;
    if (flowed) inputs = node->backward(std::move(outputs));
    node->release();
    const std::vector<Edge> edges = std::move(node->inputs);
    node->inputs.clear();
    for (size_t i = 0; i < edges.size(); ++i) {
      if (!edges[i].node) continue;
      if (i < inputs.size() && inputs[i].defined()) send(edges[i], std::move(inputs[i]));
      if (--pending[edges[i].node.get()].consumers == 0) ready.push_back(edges[i].node);
    }
  }
}

}  // namespace octet
