// One batch on its way through the model, on a ledger without memory: what lives on it, tensor by tensor.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tools/config.h"
#include "tools/memory_lstm.h"
#include "tools/memory_plan.h"
#include "tools/memory_scratch.h"
#include "tools/model_shapes.h"
#include "tools/workload.h"

namespace octet::tools {

class MemoryPass {
 public:
  using Handle = MemoryPlan::Handle;

  // All must outlive it.
  MemoryPass(MemoryPlan& plan, const TrainConfig& config, const Workload& work, const BatchShape& batch,
             bool training);

  Handle forward();  // -> logits
  Handle loss(const Handle& logits);
  void backward();

 private:
  // Takes the gradient of an operation's result and returns that of its input; what it captures is what the
  // operation keeps for it.
  using Backward = std::function<Handle(Handle)>;

  struct Layers {  // what one call of the LSTM keeps
    LstmCall call;
    Handle x, y, reserve, index;
  };

  Handle make(const std::string& name, const Shape& shape, DType dtype, MemoryTag tag) {
    return plan_.tensor("batch: " + name, shape, dtype, tag);
  }
  Handle act(const std::string& name, const Shape& shape, DType dtype = DType::F32) {
    return plan_.tensor(name, shape, dtype, MemoryTag::Activations);
  }
  void on_backward(Backward backward) { tape_.push_back(std::move(backward)); }

  bool drops_between_layers() const { return training_ && config_.dropout > 0 && config_.layers > 1; }
  // Whether padding that rows share is computed once.
  bool model_shares() const { return config_.model == "lstm" && !drops_between_layers(); }

  const ModelParameter& parameter(const std::string& name) const;
  // The f32 copy of a weight that is stored in BF16, there while a kernel runs; nothing of another.
  Handle widened(const ModelParameter& weight) {
    if (weight.dtype != DType::BF16) return {};
    return plan_.tensor(weight.name + ", widened", weight.shape, DType::F32, MemoryTag::Workspace);
  }
  // Of all weights of a call of the LSTM.
  std::vector<Handle> widened(const LstmCall& call);
  std::vector<const ModelParameter*> weights_of(const LstmCall& call) const;

  // The gradient of a parameter: written to its own buffer by the first batch of a step, made beside it and
  // added by the others.
  Handle weight_gradient(const std::string& name, const Shape& shape);

  Handle embedding();
  Handle bag(const Handle& index);
  Handle mean_over_time(const Shape& per_word);
  Handle head(Handle x);  // dropout and the linear layer

  // The LSTM: memory_pass_lstm.cpp.
  Handle lstm_classifier(const Handle& index);
  // Layer by layer, with dropout between them. Returns the outputs of the last.
  Handle separate_layers(Handle x, const Handle& index, Handle& h_n, Handle& c_n);
  Layers lstm_call(const Handle& x, const Handle& index, int64_t first, int64_t count, Handle& h_n,
                   Handle& c_n);
  Handle lstm_backward(const Layers& layers);  // the gradient of x

  MemoryPlan& plan_;
  KernelScratch kernels_;
  const TrainConfig& config_;
  const Workload& work_;
  const BatchShape& batch_;
  std::vector<ModelParameter> parameters_;
  bool training_, stable_, embedding_learns_;
  int64_t total_;
  Handle ids_, index_, targets_, weights_, packing_;
  std::vector<Backward> tape_;
};

}  // namespace octet::tools
