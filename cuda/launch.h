// What kernels and their launchers share.
#pragma once

#include <algorithm>
#include <cstdint>

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
