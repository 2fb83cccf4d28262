#include "tools/memory_pass.h"

#include <algorithm>

#include "core/error.h"

namespace octet::tools {

using enum DType;

MemoryPass::MemoryPass(MemoryPlan& plan, const TrainConfig& config, const Workload& work,
                       const BatchShape& batch, bool training)
    : plan_(plan),
      kernels_(plan),
      config_(config),
      work_(work),
      batch_(batch),
      parameters_(model_parameters(config, work.vocabulary, work.outputs())),
      training_(training),
      stable_(config.embedding_layer == "stable"),
      embedding_learns_(training && (stable_ || !config.freeze_embedding)) {
  const bool gpu = plan.on_gpu(), one_logit = work.classes == 2;
  const bool shares = batch.shared > 0 && model_shares();
  total_ = shares ? batch.shared : batch.total;
  const int64_t ids = gpu ? batch.total : batch.distinct;
  ids_ = make("ids", {ids}, I32, MemoryTag::Data);
  // As the batch has them: padding that rows may share once.
  if (!gpu)
    index_ = make("place of each id", {batch.shared ? batch.shared : batch.total}, I32, MemoryTag::Data);
  targets_ = one_logit ? make("targets", {batch.rows, 1}, F32, MemoryTag::Data)
                       : make("targets", {batch.rows}, I32, MemoryTag::Data);
  if (training && work.class_weights) weights_ = make("weights of rows", {batch.rows}, F32, MemoryTag::Data);
}

MemoryPass::Handle MemoryPass::forward() {
  Handle whole;  // of all steps, for a model that cannot share
  if (batch_.shared > 0 && total_ != batch_.shared)
    whole = make("place of each id, all steps", {total_}, I32, MemoryTag::Data);
  const Handle index = whole ? whole : index_;
  return config_.model == "bag" ? bag(index) : lstm_classifier(index);
}

MemoryPass::Handle MemoryPass::loss(const Handle& logits) {
  if (training_)
    on_backward([this, logits](const Handle&) { return act("gradient of the logits", logits->shape); });
  Handle loss = act("loss", {});
  kernels_.loss(batch_.rows, work_.classes == 2, weights_ != nullptr);
  if (training_ && config_.accumulate > 1) {
    on_backward([this](const Handle&) { return act("gradient of the loss", {}); });
    loss = act("loss, by the share of its batch", {});
  }
  return loss;
}

void MemoryPass::backward() {
  const Handle seed = act("gradient to start from", {});
  Handle gradient = seed;
  while (!tape_.empty()) {
    Backward last = std::move(tape_.back());
    tape_.pop_back();
    gradient = last(std::move(gradient));
  }
}

MemoryPass::Handle MemoryPass::weight_gradient(const std::string& name, const Shape& shape) {
  return batch_.first ? Handle() : act("gradient of " + name + ", to be added", shape);
}

const ModelParameter& MemoryPass::parameter(const std::string& name) const {
  const auto found = std::ranges::find(parameters_, name, &ModelParameter::name);
  require(found != parameters_.end(), ErrorKind::Internal, "memory: the model has no ", name);
  return *found;
}

MemoryPass::Handle MemoryPass::embedding() {
  const int64_t n = ids_->shape[0], width = config_.embedding;
  const Shape shape = {n, width};
  if (training_ && !config_.freeze_embedding)
    on_backward([this, ids = ids_](const Handle&) {
      const Handle gradient = weight_gradient("embedding.weight", {work_.vocabulary, config_.embedding});
      kernels_.sums_by_id("gradient of embedding.weight", ids->shape[0], config_.embedding);
      return Handle();
    });
  Handle looked_up = act("embeddings", shape);
  if (!stable_) return looked_up;
  const Handle mean = act("embeddings: mean of each", {n}),
               deviation = act("embeddings: inverse deviation of each", {n});
  if (training_)
    on_backward([this, looked_up, mean, deviation, shape](const Handle&) {
      const Handle gradient =
          plan_.tensor("gradient of the embeddings", shape, F32,
                       config_.freeze_embedding ? MemoryTag::Workspace : MemoryTag::Activations);
      const Handle gain = weight_gradient("embedding.norm.weight", {shape[1]}),
                   bias = weight_gradient("embedding.norm.bias", {shape[1]});
      kernels_.norm_gradient("gradient of embedding.norm", shape[0], shape[1]);
      return config_.freeze_embedding ? Handle() : gradient;
    });
  return act("embeddings, normalised", shape);
}

MemoryPass::Handle MemoryPass::bag(const Handle& index) {
  const Handle distinct = embedding();
  Handle words = distinct;
  const Shape per_word = {total_, config_.embedding};
  if (index) {
    if (embedding_learns_)
      on_backward([this, distinct, index](const Handle&) {
        return act("gradient of the embeddings", distinct->shape);
      });
    words = act("embeddings of all words", per_word);
  }
  return head(mean_over_time(per_word));
}

MemoryPass::Handle MemoryPass::mean_over_time(const Shape& per_word) {
  const Shape per_row = {batch_.rows, per_word[1]}, one = {batch_.rows, 1};
  Handle places = make("row of each word", {per_word[0]}, I32, MemoryTag::Workspace);
  if (embedding_learns_)
    on_backward([this, places, per_word](const Handle&) { return act("gradient of all words", per_word); });
  const Handle sums = act("sums of embeddings", per_row);
  kernels_.sums_by_id("sums of embeddings", per_word[0], per_word[1]);
  places.reset();
  Handle in_double, on_host;
  if (!plan_.on_gpu()) {
    in_double = make("1 / length, in f64", one, F64, MemoryTag::Data);
    on_host = make("1 / length", one, F32, MemoryTag::Workspace);
    in_double.reset();
  }
  const Handle shares = make("1 / length, on the device", one, F32, MemoryTag::Workspace);
  if (embedding_learns_)
    on_backward([this, sums, shares](const Handle&) { return act("gradient of the sums", sums->shape); });
  return act("means of embeddings", per_row);
}

MemoryPass::Handle MemoryPass::head(Handle x) {
  if (training_ && config_.head_dropout > 0) {
    const Shape shape = x->shape;
    if (config_.model != "bag" || embedding_learns_)
      on_backward([this, shape](const Handle&) { return act("gradient before dropout", shape); });
    x = act("last states after dropout", shape);
  }
  const int64_t outputs = work_.outputs(), width = x->shape[-1];
  const ModelParameter& weight = parameter("fc.weight");
  if (training_)
    on_backward([this, x, outputs, width, &weight](const Handle&) {
      Handle dx;
      const int64_t rows = batch_.rows;
      const bool flows_on = config_.model != "bag" || embedding_learns_;
      if (flows_on) dx = act("gradient of the last states", x->shape);
      const Handle dweight = weight_gradient("fc.weight", weight.shape);
      if (flows_on) {
        const Handle wide = widened(weight);
        kernels_.product("gradient of the last states", rows, width, outputs);
      }
      kernels_.product("gradient of fc.weight", outputs, width, rows);
      const Handle dbias = weight_gradient("fc.bias", {outputs});
      kernels_.sum_of_rows("gradient of fc.bias", rows, outputs);
      return dx;
    });
  Handle logits = act("logits", {batch_.rows, outputs});
  const Handle wide = widened(weight);
  kernels_.product("logits", batch_.rows, outputs, width);
  return logits;
}

}  // namespace octet::tools
