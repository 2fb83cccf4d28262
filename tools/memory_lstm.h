// What one call of the LSTM takes while it runs, on either device.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels.h"
#include "tools/memory_plan.h"

namespace octet::tools {

struct LstmCall {
  LstmConfig config;
  int64_t first_layer;  // of the model, for names
  int64_t rows;         // sequences
  int64_t total;        // packed rows
  int64_t inputs;       // rows of x: total, or fewer with an index
  bool indexed;
  bool wants_dx;  // a gradient flows on to x
};

// What forward leaves for backward.
int64_t lstm_reserve(const MemoryPlan& plan, const LstmCall& call);
// Its scratch, layer by layer; all of it is gone at the end.
void plan_lstm_forward(MemoryPlan& plan, const LstmCall& call, bool reserve);
void plan_lstm_backward(MemoryPlan& plan, const LstmCall& call);

// The widest layer that our own LSTM of a GPU takes; wider ones go to cuDNN, whose scratch and reserve are
// known to the library alone and are taken to be as large as ours.
inline constexpr int64_t kWidestOnGpu = 128;

}  // namespace octet::tools
