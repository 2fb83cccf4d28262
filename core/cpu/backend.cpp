#include "core/cpu/backend.h"

#include <cstring>

#include "core/cpu/level.h"

namespace octet::cpu {

const Backend& backend() {
  level();  // $OCTET_CPU must be read before any kernel is chosen
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
  constexpr auto copy = [](Device, void* to, const void* from, int64_t bytes) {
    if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
  };
  static const Backend backend = {
      .allocate = allocate,
      .deallocate = deallocate,
      .upload = copy,
      .copy_from_host = copy,
      .copy_to_host = copy,
      .synchronize = [](Device) {},
      .kernels = &table,
  };
  return backend;
}

}  // namespace octet::cpu
