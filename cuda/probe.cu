#include "cuda/context.h"

namespace octet::cuda {
namespace {

__global__ void nothing() {}

}  // namespace

cudaError_t find_code_for_current_device(int* architecture) {
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, nothing);
  *architecture = attributes.ptxVersion;
  return status;
}

}  // namespace octet::cuda
