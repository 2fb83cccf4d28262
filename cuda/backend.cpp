// What liboctet_cuda.so exports.
#include <nvtx3/nvToolsExt.h>

#include <string_view>

#include "core/cuda_module.h"
#include "cuda/context.h"
#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

const Backend& backend() {
  static const KernelTable table = {
      .memory = memory_kernels(),
      .pointwise = pointwise_kernels(),
      .reduce = reduce_kernels(),
      .matmul = matmul_kernels(),
      .softmax = softmax_kernels(),
      .layer_norm = layer_norm_kernels(),
      .embedding = embedding_kernels(),
      .loss = loss_kernels(),
      .dropout = dropout_kernels(),
      .layout = layout_kernels(),
      .recurrent = recurrent_kernels(),
  };
  static const Backend backend = {
      .allocate = allocate,
      .deallocate = deallocate,
      .upload = upload,
      .copy_from_host = copy_from_host,
      .copy_to_host = copy_to_host,
      .synchronize = synchronize,
      .kernels = &table,
      .steps = &steps(),
      .open = open,
      .set_precision = [](Device device, MatmulPrecision p) { context(device).precision = p; },
      .describe = describe,
      .push_range = [](const char* name) { nvtxRangePushA(name); },
      .pop_range = [] { nvtxRangePop(); },
  };
  return backend;
}

}  // namespace
}  // namespace octet::cuda

extern "C" __attribute__((visibility("default"))) const octet::Backend* octet_cuda_backend(
    const char* version, size_t backend_bytes, size_t table_bytes) {
  const bool same = std::string_view(version) == OCTET_VERSION && backend_bytes == sizeof(octet::Backend) &&
                    table_bytes == sizeof(octet::KernelTable);
  return same ? &octet::cuda::backend() : nullptr;
}
