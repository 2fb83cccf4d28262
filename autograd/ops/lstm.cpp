#include "autograd/functions.h"
#include "autograd/graph.h"
#include "autograd/ops/weights.h"
#include "core/backend.h"

namespace octet {
namespace {

struct Lstm {
  LstmConfig config;
  PackingPtr packing;
  Tensor index;
  bool has_state;  // h0 and c0 stand behind the weights in the list of inputs
  bool recorded;   // a gradient will be asked for
  Tensor x = {}, y = {}, reserve = {};
  std::vector<Tensor> weights = {}, state = {};

  std::array<Tensor, 3> forward(const std::vector<Tensor>& inputs) {
    x = inputs[0];
    const auto weights_end = inputs.end() - (has_state ? 2 : 0);
    weights.assign(inputs.begin() + 1, weights_end);
    state.assign(weights_end, inputs.end());
    const RecurrentKernels& k = kernels(x).recurrent;
    const int64_t width = config.directions() * config.hidden;
    y = Tensor::like(x, {packing->total(), width}, MemoryTag::Activations);
    const Shape last = {config.cells(), packing->batch(), config.hidden};
    const Tensor h_n = Tensor::like(x, last, MemoryTag::Activations);
    const Tensor c_n = Tensor::like(x, last, MemoryTag::Activations);
    if (recorded)
      reserve = Tensor::empty({k.lstm_reserve(x.device(), config, *packing, x.dtype())}, DType::U8,
                              x.device(), MemoryTag::Activations);
    const std::vector<Tensor> w = widened(weights);
    k.lstm_forward({config, packing, x, index, initial(0), initial(1), w, y, h_n, c_n, reserve});
    return {y, h_n, c_n};
  }

  std::vector<Tensor> backward(const std::array<Tensor, 3>& d, const Wanted& wanted) const {
    std::vector<Tensor> result;
    result.push_back(wanted.like(0, x));
    for (size_t i = 0; i < weights.size(); ++i) result.push_back(wanted.like(i + 1, weights[i]));
    for (size_t i = 0; i < state.size(); ++i) result.push_back(wanted.like(i + 1 + weights.size(), state[i]));
    const std::span<const Tensor> dweights(result.data() + 1, weights.size());
    const std::vector<Tensor> w = widened(weights);
    kernels(x).recurrent.lstm_backward(
        {config, packing, x, index, initial(0), initial(1), w, y, reserve, d[0], d[1], d[2], result[0],
         has_state ? result[result.size() - 2] : Tensor(), has_state ? result.back() : Tensor(), dweights});
    return result;
  }

 private:
  Tensor initial(size_t i) const { return has_state ? state[i] : Tensor(); }
};

}  // namespace

LstmResult lstm(const Variable& x, const PackingPtr& packing, const std::vector<Variable>& weights,
                const LstmConfig& config, const Variable& h0, const Variable& c0, const Tensor& index) {
  require(x.shape().rank() == 2 && x.size(1) == config.input &&
              (index.defined() || x.size(0) == packing->total()),
          "lstm: input ", x.shape(), " is not [", packing->total(), ",", config.input,
          "] (packed steps, input size)");
  require(!index.defined() || (index.shape() == Shape{packing->total()} && index.dtype() == DType::I32),
          "lstm: the index ", index.shape(), " of ", index.dtype(), " is not [", packing->total(),
          "] of i32");
  require(static_cast<int64_t>(weights.size()) == 4 * config.cells(), "lstm: ", weights.size(), " weights, ",
          4 * config.cells(), " are needed");
  for (int64_t cell = 0; cell < config.cells(); ++cell) {
    const int64_t gates = 4 * config.hidden, in = config.input_of(cell / config.directions());
    const Shape wanted[] = {{gates, in}, {gates, config.hidden}, {gates}, {gates}};
    for (int64_t i = 0; i < 4; ++i) {
      const Variable& weight = weights[static_cast<size_t>(4 * cell + i)];
      require(weight.shape() == wanted[i] && is_weight_for(x.dtype(), weight.dtype()), "lstm: weight ", i,
              " of cell ", cell, " is ", weight.shape(), " of ", weight.dtype(), ", wanted ", wanted[i],
              " of ", x.dtype());
    }
  }
  require(h0.defined() == c0.defined(), "lstm: h0 and c0 are given together or not at all");
  const Shape state = {config.cells(), packing->batch(), config.hidden};
  require(!h0.defined() || (h0.shape() == state && c0.shape() == state), "lstm: h0 ", h0.shape(), " and c0 ",
          c0.shape(), " are not ", state);
  require(packing->shared == 0 || (!config.bidirectional && !h0.defined()),
          "lstm: sequences share a beginning in one direction and from zero states only");
  std::vector<Variable> inputs = {x};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  if (h0.defined()) {
    inputs.push_back(h0);
    inputs.push_back(c0);
  }
  bool flows = false;
  for (const Variable& input : inputs) flows |= input.requires_grad();
  auto [y, h_n, c_n] =
      record_all(Lstm{config, packing, index, h0.defined(), flows && grad_enabled()}, inputs);
  return {y, h_n, c_n};
}

}  // namespace octet
