// The LSTM by cuDNN: every layer and direction of a call in one call of the library, for all that is too wide
// for ours, and for fp64. A Packing is in the library's own packed order.
#pragma once

#include "core/kernels.h"
#include "cuda/context.h"

namespace octet::cuda {

// As RecurrentKernels has them.
int64_t cudnn_reserve(Context& c, Device device, const LstmConfig& config, const Packing& packing,
                      DType dtype);
void cudnn_forward(Context& c, const LstmForward& args);
void cudnn_backward(Context& c, const LstmBackward& args);

}  // namespace octet::cuda
