// The LSTM: ours (lstm_layers.h) where it can be, else that of cuDNN (cudnn_lstm.h).
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/cudnn_lstm.h"
#include "cuda/kernels.h"
#include "cuda/lstm_layers.h"

namespace octet::cuda {
namespace {

int64_t lstm_reserve(Device device, const LstmConfig& config, const Packing& packing, DType dtype) {
  const Op op("recurrent.lstm_reserve");
  Context& c = context(device);
  return layers_take(c, config, dtype) ? layers_reserve(config, packing)
                                       : cudnn_reserve(c, device, config, packing, dtype);
}

void lstm_forward(const LstmForward& args) {
  const Op op("recurrent.lstm_forward");
  Context& c = context(args.x);
  (layers_take(c, args.config, args.x.dtype()) ? layers_forward : cudnn_forward)(c, args);
}

void lstm_backward(const LstmBackward& args) {
  const Op op("recurrent.lstm_backward");
  Context& c = context(args.x);
  (layers_take(c, args.config, args.x.dtype()) ? layers_backward : cudnn_backward)(c, args);
}

}  // namespace

RecurrentKernels recurrent_kernels() {
  return {.lstm_reserve = lstm_reserve, .lstm_forward = lstm_forward, .lstm_backward = lstm_backward};
}

}  // namespace octet::cuda
