#include "tools/memory_lstm.h"

#include "core/cpu/lstm_layer.h"
#include "tools/memory_scratch.h"

namespace octet::tools {
namespace {

using Handle = MemoryPlan::Handle;

int64_t rounded(int64_t count) { return (count + 63) / 64 * 64; }

// Names and holds the scratch of one layer.
struct Scratch {
  MemoryPlan& plan;
  std::string layer;
  std::vector<Handle> held = {};

  void add(const std::string& name, const Shape& shape) { held.push_back(one(name, shape)); }
  Handle one(const std::string& name, const Shape& shape) const {
    return plan.tensor(layer + name, shape, DType::F32, MemoryTag::Workspace);
  }
};

std::string name_of_layer(const LstmCall& call, int64_t index) {
  return "lstm layer " + std::to_string(call.first_layer + index);
}
const char* suffix(int64_t direction) { return direction == 1 ? ", reverse" : ""; }

// The CPU: core/cpu/lstm_forward.cpp and lstm_backward.cpp.

cpu::Layer cpu_layer(const LstmCall& call, int64_t index) {
  const int64_t lanes = cpu::cell_lanes<float>(), hidden = call.config.hidden;
  const bool indexed = index == 0 && call.indexed;
  return {.input = call.config.input_of(index),
          .hidden = hidden,
          .padded = cpu::round_up(hidden, lanes),
          .lanes = lanes,
          .total = call.total,
          .batch = call.rows,
          .directions = call.config.directions(),
          .rows = indexed ? call.inputs : call.total,
          .index = nullptr};
}

void cpu_forward(MemoryPlan& plan, const LstmCall& call, bool reserve) {
  Handle between;
  for (int64_t index = 0; index < call.config.layers; ++index) {
    const cpu::Layer l = cpu_layer(call, index);
    const bool indexed = index == 0 && call.indexed;
    Scratch scratch{plan, name_of_layer(call, index)};
    Handle y;
    if (!reserve && index + 1 < call.config.layers)
      y = scratch.one(": output", {l.total, l.directions * l.hidden});
    for (int64_t direction = 0; direction < l.directions; ++direction) {
      const std::string of = suffix(direction);
      scratch.add(of + ": w_ih, interleaved", {l.gates(), l.input});
      scratch.add(of + ": w_hh, interleaved", {l.gates(), l.hidden});
      scratch.add(of + ": bias", {l.gates()});
      if (!reserve) scratch.add(of + ": cell states", {l.total, l.padded});
      if (!reserve || indexed) scratch.add(of + ": inputs of the gates", {l.rows, l.gates()});
    }
    between = y;
  }
}

void cpu_backward(MemoryPlan& plan, const LstmCall& call) {
  Handle between;
  for (int64_t index = call.config.layers - 1; index >= 0; --index) {
    const cpu::Layer l = cpu_layer(call, index);
    const bool indexed = index == 0 && call.indexed;
    const Handle above = between;
    Scratch scratch{plan, name_of_layer(call, index)};
    if (index > 0) between = scratch.one(": gradient of the input", {l.total, l.input});
    for (int64_t direction = 0; direction < l.directions; ++direction) {
      const std::string of = suffix(direction);
      scratch.add(of + ": w_ih, interleaved", {l.gates(), l.input});
      scratch.add(of + ": w_hh, interleaved", {l.gates(), l.padded});
      scratch.add(of + ": gradient of h", {l.batch + 1, l.padded});
      scratch.add(of + ": gradient of c", {l.batch + 1, l.padded});
      scratch.add(of + ": outputs a step before", {l.total, l.hidden});
      scratch.add(of + ": gradient of w_ih", {l.gates(), l.input});
      scratch.add(of + ": gradient of w_hh", {l.gates(), l.hidden});
      if (indexed) scratch.add(of + ": gradient of the gates' inputs", {l.rows, l.gates()});
    }
  }
}

// A GPU: cuda/lstm_layers.cpp. Batches have no index there.

void gpu_forward(MemoryPlan& plan, const LstmCall& call, bool reserve) {
  KernelScratch kernels(plan);
  Handle x;
  const int64_t directions = call.config.directions(), hidden = call.config.hidden;
  for (int64_t index = 0; index < call.config.layers; ++index) {
    Scratch scratch{plan, name_of_layer(call, index)};
    Handle y;
    // With a reserve all of it stays, there.
    if (!reserve && index + 1 < call.config.layers)
      y = scratch.one(": output", {call.total, directions * hidden});
    for (int64_t direction = 0; direction < directions; ++direction) {
      const std::string inputs = std::string(suffix(direction)) + ": inputs of the gates";
      if (!reserve) scratch.add(inputs, {call.total, 4 * hidden});
      kernels.product(scratch.layer + inputs, call.total, 4 * hidden, call.config.input_of(index));
    }
    x = y;
  }
}

void gpu_backward(MemoryPlan& plan, const LstmCall& call) {
  KernelScratch kernels(plan);
  Handle dy;
  for (int64_t index = call.config.layers - 1; index >= 0; --index) {
    Scratch scratch{plan, name_of_layer(call, index)};
    const Shape x = {call.total, call.config.input_of(index)};
    Handle dx;
    if (index > 0) dx = scratch.one(": gradient of the input", x);
    const int64_t gates = 4 * call.config.hidden;
    for (int64_t direction = 0; direction < call.config.directions(); ++direction)
      scratch.add(std::string(suffix(direction)) + ": outputs a step before",
                  {call.total, call.config.hidden});
    for (int64_t direction = 0; direction < call.config.directions(); ++direction) {
      const std::string name = scratch.layer + suffix(direction);
      kernels.product(name + ": gradient of w_ih", gates, x[1], call.total);
      kernels.product(name + ": gradient of w_hh", gates, call.config.hidden, call.total);
      kernels.sum_of_rows(name + ": gradient of the bias", call.total, gates);
      if (index == 0 && !call.wants_dx) continue;
      Handle part;
      if (direction == 1) part = scratch.one(", reverse: its part of the gradient of the input", x);
      kernels.product(name + ": gradient of the input", x[0], x[1], gates);
    }
    dy = dx;
  }
}

}  // namespace

int64_t lstm_reserve(const MemoryPlan& plan, const LstmCall& call) {
  const int64_t layers = call.config.layers, hidden = call.config.hidden;
  if (!plan.on_gpu())
    return cpu::Reserve<float>{nullptr, cpu_layer(call, 0), call.config.cells()}.size(layers) *
           size_of(DType::F32);
  const int64_t cell = rounded(call.total * 4 * hidden) + rounded(call.total * hidden);
  const int64_t y = rounded(call.total * call.config.directions() * hidden);
  return (call.config.cells() * cell + (layers - 1) * y) * size_of(DType::F32);
}

void plan_lstm_forward(MemoryPlan& plan, const LstmCall& call, bool reserve) {
  (plan.on_gpu() ? gpu_forward : cpu_forward)(plan, call, reserve);
}

void plan_lstm_backward(MemoryPlan& plan, const LstmCall& call) {
  (plan.on_gpu() ? gpu_backward : cpu_backward)(plan, call);
}

}  // namespace octet::tools
