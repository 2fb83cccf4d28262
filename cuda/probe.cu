#include "cuda/context.h"

namespace octet::cuda {
namespace {

__global__ void nothing() {}

}  // namespace

cudaError_t has_code_for_current_device() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, nothing);
}

}  // namespace octet::cuda
