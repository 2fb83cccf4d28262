// What kernels and their launchers share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/ceil_div.h"
#include "cuda/check.h"
#include "cuda/context.h"

namespace octet::cuda {

constexpr int kThreads = 256;  // of a block, where nothing speaks for another number
constexpr int kWarp = 32;

// Blocks for a loop over n elements in strides of the whole grid: a few for every multiprocessor at most.
inline unsigned grid_for(const Context& c, int64_t n, int64_t per_block = kThreads) {
  return static_cast<unsigned>(
      std::clamp<int64_t>(ceil_div(n, per_block), 1, int64_t{c.multiprocessors} * 16));
}

#ifdef __CUDACC__
// Launches a kernel whose blocks may begin, in places that are free, once all blocks of the one before it in
// the stream have begun to wait or have ended; where code for sm_90 or later runs. Every thread of such a
// kernel calls wait_for_previous(): one that ended without would let those behind it begin while the kernel
// before it still writes. Until then it must not write, nor read what any kernel writes.
template <class... Parameters>
void launch_early(const Context& c, void (*kernel)(Parameters...), unsigned blocks, unsigned threads,
                  std::type_identity_t<Parameters>... parameters) {
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = blocks, config.blockDim = threads, config.stream = c.stream;
  config.attrs = &early, config.numAttrs = c.early_launches ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, parameters...));
}
// Returns when the kernels before have ended and all that they wrote can be read.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
  cudaGridDependencySynchronize();
#endif
}

// The sum over the lanes of a warp, in every lane, always in the same order.
template <class T>
__device__ T warp_sum(T x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(0xFFFFFFFFu, x, offset);
  return x;
}
template <class T>
__device__ T warp_max(T x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const T other = __shfl_xor_sync(0xFFFFFFFFu, x, offset);
    x = other > x ? other : x;
  }
  return x;
}
#endif

}  // namespace octet::cuda
