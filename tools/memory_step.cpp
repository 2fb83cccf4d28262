#include "tools/memory_step.h"

#include <functional>
#include <utility>

#include "tools/memory_lstm.h"
#include "tools/memory_scratch.h"

namespace octet::tools {
namespace {

using Handle = MemoryPlan::Handle;
using enum DType;

// One batch on its way through the model. A backward function takes the gradient of an operation's result and
// returns that of its input; what it captures is what the operation keeps for it.
class Pass {
 public:
  Pass(MemoryPlan& plan, const TrainConfig& config, const Workload& work, const BatchShape& batch,
       bool training)
      : plan_(plan),
        kernels_(plan),
        config_(config),
        work_(work),
        batch_(batch),
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
    if (training && work.class_weights)
      weights_ = make("weights of rows", {batch.rows}, F32, MemoryTag::Data);
  }

  // -> logits
  Handle forward() {
    Handle whole;  // of all steps, for a model that cannot share
    if (batch_.shared > 0 && total_ != batch_.shared)
      whole = make("place of each id, all steps", {total_}, I32, MemoryTag::Data);
    const Handle index = whole ? whole : index_;
    return config_.model == "bag" ? bag(index) : lstm_classifier(index);
  }

  Handle loss(const Handle& logits) {
    if (training_)
      on_backward([this, logits](Handle) { return act("gradient of the logits", logits->shape); });
    Handle loss = act("loss", {});
    kernels_.loss(batch_.rows, work_.classes == 2, weights_ != nullptr);
    if (training_ && config_.accumulate > 1) {
      on_backward([this](Handle) { return act("gradient of the loss", {}); });
      loss = act("loss, by the share of its batch", {});
    }
    return loss;
  }

  void backward() {
    const Handle seed = act("gradient to start from", {});
    Handle gradient = seed;
    while (!tape_.empty()) {
      Backward last = std::move(tape_.back());
      tape_.pop_back();
      gradient = last(std::move(gradient));
    }
  }

 private:
  using Backward = std::function<Handle(Handle)>;

  Handle make(const std::string& name, const Shape& shape, DType dtype, MemoryTag tag) {
    return plan_.tensor("batch: " + name, shape, dtype, tag);
  }
  Handle act(const std::string& name, const Shape& shape, DType dtype = F32) {
    return plan_.tensor(name, shape, dtype, MemoryTag::Activations);
  }
  void on_backward(Backward backward) { tape_.push_back(std::move(backward)); }

  bool drops_between_layers() const { return training_ && config_.dropout > 0 && config_.layers > 1; }
  // Whether padding that rows share is computed once.
  bool model_shares() const { return config_.model == "lstm" && !drops_between_layers(); }

  // The gradient of a parameter: written to its own buffer by the first batch of a step, made beside it and
  // added by the others.
  Handle weight_gradient(const std::string& name, const Shape& shape) {
    return batch_.first ? Handle() : act("gradient of " + name + ", to be added", shape);
  }

  Handle embedding() {
    const int64_t n = ids_->shape[0], width = config_.embedding;
    const Shape shape = {n, width};
    if (training_ && !config_.freeze_embedding)
      on_backward([this, ids = ids_](Handle) {
        const Handle gradient = weight_gradient("embedding.weight", {work_.vocabulary, config_.embedding});
        kernels_.sums_by_id("gradient of embedding.weight", ids->shape[0], config_.embedding);
        return Handle();
      });
    const Handle looked_up = act("embeddings", shape);
    if (!stable_) return looked_up;
    const Handle mean = act("embeddings: mean of each", {n}),
                 deviation = act("embeddings: inverse deviation of each", {n});
    if (training_)
      on_backward([this, looked_up, mean, deviation, shape](Handle) {
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

  Handle bag(const Handle& index) {
    const Handle distinct = embedding();
    Handle words = distinct;
    const Shape per_word = {total_, config_.embedding};
    if (index) {
      if (embedding_learns_)
        on_backward(
            [this, distinct, index](Handle) { return act("gradient of the embeddings", distinct->shape); });
      words = act("embeddings of all words", per_word);
    }
    return head(mean_over_time(per_word));
  }

  Handle mean_over_time(const Shape& per_word) {
    const Shape per_row = {batch_.rows, per_word[1]}, one = {batch_.rows, 1};
    Handle places = make("row of each word", {per_word[0]}, I32, MemoryTag::Workspace);
    if (embedding_learns_)
      on_backward([this, places, per_word](Handle) { return act("gradient of all words", per_word); });
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
      on_backward([this, sums, shares](Handle) { return act("gradient of the sums", sums->shape); });
    return act("means of embeddings", per_row);
  }

  struct Layers {  // what one call of the LSTM keeps
    LstmCall call;
    Handle x, y, reserve, index;
  };

  Layers lstm_call(const Handle& x, const Handle& index, int64_t first, int64_t count, Handle& h_n,
                   Handle& c_n) {
    LstmConfig config{config_.embedding, config_.hidden, config_.layers, config_.model == "bilstm"};
    config.input = config.input_of(first);
    config.layers = count;
    const bool indexed = index && first == 0;
    Layers made{
        .call = {config, first, batch_.rows, total_, x->shape[0], indexed, first > 0 || embedding_learns_},
        .x = training_ ? x : Handle(),
        .y = {},
        .reserve = {},
        .index = training_ && indexed ? index : Handle()};
    const std::string name = "lstm layer " + std::to_string(first) +
                             (count > 1 ? " to " + std::to_string(first + count - 1) : "") + ": ";
    made.y = act(name + "outputs of the last", {total_, config.directions() * config.hidden});
    const Shape last = {config.cells(), batch_.rows, config.hidden};
    h_n = act(name + "last h", last);
    c_n = act(name + "last c", last);
    if (training_)
      made.reserve = act(name + "gates and states of all steps", {lstm_reserve(plan_, made.call)}, U8);
    plan_lstm_forward(plan_, made.call, training_);
    return made;
  }

  // The gradient of x.
  Handle lstm_backward(const Layers& layers) {
    const LstmCall& call = layers.call;
    const std::string number = std::to_string(call.first_layer);
    Handle dx;
    if (call.wants_dx) dx = act("lstm layer " + number + ": gradient of its input", layers.x->shape);
    std::vector<Handle> gradients;
    for (const ModelParameter& p : model_parameters(config_, work_.vocabulary, work_.outputs()))
      if (in_call(p.name, call)) gradients.push_back(weight_gradient(p.name, p.shape));
    plan_lstm_backward(plan_, call);
    return dx;
  }

  static bool in_call(const std::string& name, const LstmCall& call) {
    for (int64_t layer = call.first_layer; layer < call.first_layer + call.config.layers; ++layer) {
      const std::string suffix = "_l" + std::to_string(layer);
      if (name.starts_with("lstm.") && (name.ends_with(suffix) || name.ends_with(suffix + "_reverse")))
        return true;
    }
    return false;
  }

  Handle lstm_classifier(const Handle& index) {
    Handle h_n, c_n, y;
    Handle x = embedding();
    if (plan_.on_gpu() && !packing_)
      packing_ = make("offsets and lengths", {batch_.steps + 1 + batch_.rows}, I64, MemoryTag::Workspace);
    if (drops_between_layers()) {
      y = separate_layers(std::move(x), index, h_n, c_n);
    } else {
      const Layers all = lstm_call(x, index, 0, config_.layers, h_n, c_n);
      x.reset();
      y = all.y;
      if (training_) on_backward([this, all](Handle) { return lstm_backward(all); });
    }
    const bool two = config_.model == "bilstm";
    const Shape cells = h_n->shape, slice = {1, batch_.rows, config_.hidden},
                rows = {batch_.rows, config_.hidden};
    Handle top;
    if (two) {
      const Handle forward = act("last h, forward", slice), reverse = act("last h, reverse", slice);
      top = act("last h, both ways", {batch_.rows, 2 * config_.hidden});
      if (training_)
        on_backward([this, cells, rows](Handle) {
          Handle one = act("gradient of last h, forward", rows),
                 other = act("gradient of last h, reverse", rows);
          Handle sum = act("gradient of all last h", cells);
          other.reset();
          const Handle part = act("gradient of all last h, a part", cells);
          return sum;
        });
    } else {
      top = act("last h of the last layer", slice);
      if (training_) on_backward([this, cells](Handle) { return act("gradient of all last h", cells); });
    }
    return head(std::move(top));
  }

  // Layer by layer, with dropout between them. Returns the outputs of the last.
  Handle separate_layers(Handle x, const Handle& index, Handle& h_n, Handle& c_n) {
    auto kept = std::make_shared<std::vector<Layers>>();
    std::vector<Handle> all_h, all_c;
    Handle y;
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      Handle h, c;
      kept->push_back(lstm_call(x, index, layer, 1, h, c));
      all_h.push_back(std::move(h)), all_c.push_back(std::move(c));
      y = kept->back().y;
      if (layer + 1 < config_.layers)
        x = act("lstm layer " + std::to_string(layer) + ": outputs after dropout", y->shape);
    }
    x.reset();
    const Shape one = all_h[0]->shape, all = {config_.layers * one[0], one[1], one[2]};
    h_n = act("last h of all layers", all);
    c_n = act("last c of all layers", all);
    on_backward([this, kept, one](Handle gradient) {
      std::vector<Handle> of_layer;
      for (int64_t layer = 0; layer < config_.layers; ++layer)
        of_layer.push_back(act("gradient of last h, layer " + std::to_string(layer), one));
      gradient.reset();
      Handle dx;
      while (!kept->empty()) {
        const bool more = kept->size() > 1;
        dx = lstm_backward(kept->back());  // the gradient of its outputs is there until the end
        kept->pop_back();
        of_layer.pop_back();
        if (more) dx = act("gradient after dropout", dx->shape);
      }
      return dx;
    });
    return y;
  }

  // Dropout and the linear layer.
  Handle head(Handle x) {
    if (training_ && config_.head_dropout > 0) {
      const Shape shape = x->shape;
      if (config_.model != "bag" || embedding_learns_)
        on_backward([this, shape](Handle) { return act("gradient before dropout", shape); });
      x = act("last states after dropout", shape);
    }
    const int64_t outputs = work_.outputs(), width = x->shape[-1];
    if (training_)
      on_backward([this, x, outputs, width](Handle) {
        Handle dx;
        const int64_t rows = batch_.rows;
        if (config_.model != "bag" || embedding_learns_) {
          dx = act("gradient of the last states", x->shape);
          kernels_.product("gradient of the last states", rows, width, outputs);
        }
        const Handle weight = weight_gradient("fc.weight", {outputs, width}),
                     bias = weight_gradient("fc.bias", {outputs});
        kernels_.product("gradient of fc.weight", outputs, width, rows);
        kernels_.sum_of_rows("gradient of fc.bias", rows, outputs);
        return dx;
      });
    const Handle logits = act("logits", {batch_.rows, outputs});
    kernels_.product("logits", batch_.rows, outputs, width);
    return logits;
  }

  MemoryPlan& plan_;
  KernelScratch kernels_;
  const TrainConfig& config_;
  const Workload& work_;
  const BatchShape& batch_;
  bool training_, stable_, embedding_learns_;
  int64_t total_;
  Handle ids_, index_, targets_, weights_, packing_;
  std::vector<Backward> tape_;
};

}  // namespace

MemoryStep::MemoryStep(MemoryPlan& plan, const TrainConfig& config, const Workload& work)
    : plan_(plan), config_(config), work_(work) {}

void MemoryStep::train(const BatchShape& batch) {
  Handle earlier;
  if (!batch.first) earlier = plan_.tensor("loss of the batches before", {}, F32, MemoryTag::Activations);
  plan_.enter("forward");
  Pass pass(plan_, config_, work_, batch, true);
  const Handle loss = pass.loss(pass.forward());
  plan_.enter("backward");
  pass.backward();
}

void MemoryStep::evaluate(const BatchShape& batch) {
  plan_.enter("validation");
  Pass pass(plan_, config_, work_, batch, false);
  const Handle logits = pass.forward(), loss = pass.loss(logits);
}

}  // namespace octet::tools
