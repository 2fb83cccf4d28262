// Our own LSTM: for each layer a product with all inputs at once and the recurrence of lstm_cell.h. In fp32,
// for layers narrow enough that their recurrent weights stay on chip.
#pragma once

#include "core/kernels.h"
#include "cuda/context.h"

namespace octet::cuda {

bool layers_take(const Context& c, const LstmConfig& config, DType dtype);

// As RecurrentKernels has them.
int64_t layers_reserve(const LstmConfig& config, const Packing& packing);
void layers_forward(Context& c, const LstmForward& args);
void layers_backward(Context& c, const LstmBackward& args);

}  // namespace octet::cuda
