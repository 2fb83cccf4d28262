// The LSTM: ours (lstm_layers.h) where it can be, else that of cuDNN (cudnn_lstm.h).
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/cudnn_lstm.h"
#include "cuda/kernels.h"
#include "cuda/lstm_layers.h"
#include "cuda/lstm_unshared.h"

namespace octet::cuda {
namespace {

int64_t reserve_of(Context& c, Device device, const LstmConfig& config, const Packing& packing, DType dtype) {
  return layers_take(c, config, dtype) ? layers_reserve(config, packing)
                                       : cudnn_reserve(c, device, config, packing, dtype);
}

void forward(Context& c, const LstmForward& args) {
  (layers_take(c, args.config, args.x.dtype()) ? layers_forward : cudnn_forward)(c, args);
}

void backward(Context& c, const LstmBackward& args) {
  (layers_take(c, args.config, args.x.dtype()) ? layers_backward : cudnn_backward)(c, args);
}

// Of the LSTM that runs with all steps of sequences that share some.
template <class Args>
int64_t unshared_inner(Context& c, const Args& args) {
  return reserve_of(c, args.x.device(), args.config, *unshared(*args.packing), args.x.dtype());
}

int64_t lstm_reserve(Device device, const LstmConfig& config, const Packing& packing, DType dtype) {
  const Op op("recurrent.lstm_reserve");
  Context& c = context(device);
  if (packing.shared == 0) return reserve_of(c, device, config, packing, dtype);
  return unshared_reserve(reserve_of(c, device, config, *unshared(packing), dtype), config, packing, dtype);
}

void lstm_forward(const LstmForward& args) {
  const Op op("recurrent.lstm_forward");
  Context& c = context(args.x);
  if (args.packing->shared == 0) return forward(c, args);
  const UnsharedForward whole(args, args.reserve.defined() ? unshared_inner(c, args) : 0);
  forward(c, whole.args);
  whole.finish();
}

void lstm_backward(const LstmBackward& args) {
  const Op op("recurrent.lstm_backward");
  Context& c = context(args.x);
  if (args.packing->shared == 0) return backward(c, args);
  const UnsharedBackward whole(args, unshared_inner(c, args));
  backward(c, whole.args);
  whole.finish();
}

}  // namespace

RecurrentKernels recurrent_kernels() {
  return {.lstm_reserve = lstm_reserve, .lstm_forward = lstm_forward, .lstm_backward = lstm_backward};
}

}  // namespace octet::cuda
