// The LSTM classifiers of a pass.
#include <memory>
#include <utility>

#include "tools/memory_pass.h"

namespace octet::tools {
namespace {

bool in_call(const std::string& name, const LstmCall& call) {
  for (int64_t layer = call.first_layer; layer < call.first_layer + call.config.layers; ++layer) {
    const std::string suffix = "_l" + std::to_string(layer);
    if (name.starts_with("lstm.") && (name.ends_with(suffix) || name.ends_with(suffix + "_reverse")))
      return true;
  }
  return false;
}

}  // namespace

using enum DType;

MemoryPass::Layers MemoryPass::lstm_call(const Handle& x, const Handle& index, int64_t first, int64_t count,
                                         Handle& h_n, Handle& c_n) {
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
  const std::vector<Handle> wide = widened(made.call);
  plan_lstm_forward(plan_, made.call, training_);
  return made;
}

std::vector<const ModelParameter*> MemoryPass::weights_of(const LstmCall& call) const {
  std::vector<const ModelParameter*> out;
  for (const ModelParameter& p : parameters_)
    if (in_call(p.name, call)) out.push_back(&p);
  return out;
}

std::vector<MemoryPass::Handle> MemoryPass::widened(const LstmCall& call) {
  std::vector<Handle> wide;
  for (const ModelParameter* weight : weights_of(call)) wide.push_back(widened(*weight));
  return wide;
}

MemoryPass::Handle MemoryPass::lstm_backward(const Layers& layers) {
  const LstmCall& call = layers.call;
  const std::string number = std::to_string(call.first_layer);
  Handle dx;
  if (call.wants_dx) dx = act("lstm layer " + number + ": gradient of its input", layers.x->shape);
  std::vector<Handle> gradients;
  for (const ModelParameter* weight : weights_of(call))
    gradients.push_back(weight_gradient(weight->name, weight->shape));
  const std::vector<Handle> wide = widened(call);
  plan_lstm_backward(plan_, call);
  return dx;
}

MemoryPass::Handle MemoryPass::lstm_classifier(const Handle& index) {
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
    if (training_) on_backward([this, all](const Handle&) { return lstm_backward(all); });
  }
  const bool two = config_.model == "bilstm";
  const Shape cells = h_n->shape, slice = {1, batch_.rows, config_.hidden},
              rows = {batch_.rows, config_.hidden};
  Handle top;
  if (two) {
    const Handle forward = act("last h, forward", slice), reverse = act("last h, reverse", slice);
    top = act("last h, both ways", {batch_.rows, 2 * config_.hidden});
    if (training_)
      on_backward([this, cells, rows](const Handle&) {
        Handle one = act("gradient of last h, forward", rows),
               other = act("gradient of last h, reverse", rows);
        Handle sum = act("gradient of all last h", cells);
        other.reset();
        const Handle part = act("gradient of all last h, a part", cells);
        return sum;
      });
  } else {
    top = act("last h of the last layer", slice);
    if (training_) on_backward([this, cells](const Handle&) { return act("gradient of all last h", cells); });
  }
  return head(std::move(top));
}

MemoryPass::Handle MemoryPass::separate_layers(Handle x, const Handle& index, Handle& h_n, Handle& c_n) {
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

}  // namespace octet::tools
