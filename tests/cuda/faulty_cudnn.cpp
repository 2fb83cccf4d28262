// For LD_PRELOAD: stands before cudnnRNNForward and, at call number $OCTET_FAULT_AT, does what $OCTET_FAULT
// says:
//   status        returns CUDNN_STATUS_EXECUTION_FAILED
//   crash         lets a kernel write where it must not, waits for that, and goes on to cuDNN
//   crash-unseen  the same without waiting, so that whoever comes next finds out
#include <cudnn.h>
#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "tests/cuda/crash.h"

namespace {

// cuDNN is loaded by the backend's module, out of sight of RTLD_NEXT.
template <class Function>
Function* in_cudnn(const char* name) {
  static void* library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_NOLOAD);
  return library ? reinterpret_cast<Function*>(dlsym(library, name)) : nullptr;
}

// True in the one call that has to fail.
bool its_turn() {
  static const char* at = std::getenv("OCTET_FAULT_AT");
  static std::atomic<int> calls = 0;
  return ++calls == (at ? std::atoi(at) : 0);
}

}  // namespace

extern "C" cudnnStatus_t CUDNNWINAPI cudnnRNNForward(
    cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t mode, const int32_t lengths[],
    cudnnRNNDataDescriptor_t x_desc, const void* x, cudnnRNNDataDescriptor_t y_desc, void* y,
    cudnnTensorDescriptor_t h_desc, const void* hx, void* hy, cudnnTensorDescriptor_t c_desc, const void* cx,
    void* cy, size_t weight_bytes, const void* weights, size_t workspace_bytes, void* workspace,
    size_t reserve_bytes, void* reserve) {
  static auto* forward = in_cudnn<decltype(cudnnRNNForward)>("cudnnRNNForward");
  static auto* stream_of = in_cudnn<decltype(cudnnGetStream)>("cudnnGetStream");
  if (!forward || !stream_of) return CUDNN_STATUS_NOT_INITIALIZED;
  if (its_turn()) {
    const char* set = std::getenv("OCTET_FAULT");
    const std::string_view fault = set ? set : "status";
    if (fault == "status") return CUDNN_STATUS_EXECUTION_FAILED;
    cudaStream_t stream = nullptr;
    stream_of(handle, &stream);
    octet::testing::write_to_nowhere(stream, fault == "crash");
  }
  return forward(handle, rnn, mode, lengths, x_desc, x, y_desc, y, h_desc, hx, hy, c_desc, cx, cy,
                 weight_bytes, weights, workspace_bytes, workspace, reserve_bytes, reserve);
}
