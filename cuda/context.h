// What the backend keeps for each GPU: its streams, library handles and the settings of its arithmetic.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include <cstdint>
#include <memory>

#include "core/backend.h"
#include "core/tensor.h"

namespace octet::cuda {

// What a kernel found wrong with its input, in host memory that the device can write to. The first fault
// stays until the host sees it, at its next wait for the device.
struct Fault {
  enum Kind : int { None = 0, EmbeddingId, Label };
  int kind;
  int value;         // the id or label
  int64_t position;  // in its tensor
  int64_t limit;     // values must be below it
};

struct MatmulPlans;  // cuda/matmul.cpp
struct LstmPlans;    // cuda/cudnn_lstm.cpp
struct LstmPacking;  // cuda/lstm_layers.cpp

// One thread at a time may compute on a device: plans and library handles are not locked.
struct Context {
  int device = 0;
  int multiprocessors = 0;
  bool early_launches = false;    // the code can wait for them: see launch_early() in launch.h
  cudaStream_t stream = nullptr;  // everything that is computed
  cudaStream_t copies = nullptr;  // uploads of batches, which need not wait for what is being computed
  cublasLtHandle_t blas = nullptr;
  cudnnHandle_t dnn = nullptr;  // on `stream`
  MatmulPrecision precision = MatmulPrecision::Fp32;
  // What the libraries were asked before; made at first use.
  std::shared_ptr<MatmulPlans> matmul_plans;
  std::shared_ptr<LstmPlans> lstm_plans;
  std::shared_ptr<LstmPacking> lstm_packing;
  Fault* fault = nullptr;         // as the host sees it
  Fault* device_fault = nullptr;  // the same memory as kernels see it
};

// Also makes it the current device of this thread. Errors: not opened, see open().
Context& context(Device device);
inline Context& context(const Tensor& x) { return context(x.device()); }

// The same without a change of device, for destructors, which must not throw. Null: not opened.
const Context* opened(Device device) noexcept;

// Backend::open. Errors of kind Device: no driver, an old driver, no GPU, no such GPU, an architecture that
// this build has no code for.
void open(Device device);
// Backend::describe.
std::string describe(Device device);

// Uninitialised bytes of the device that live until the Tensor is dropped: work queued before then may still
// use them, because whatever gets them next runs after it on the same stream.
inline Tensor workspace(Device device, int64_t bytes) {
  return Tensor::empty({bytes}, DType::U8, device, MemoryTag::Workspace);
}

}  // namespace octet::cuda
