// One value from those of all threads of a block.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace octet::cuda {

// The largest over each group of `lanes` lanes of a warp (a power of two), in all of them.
__device__ inline uint32_t largest_of_lanes(uint32_t bits, int lanes) {
#if __CUDA_ARCH__ >= 800
  if (lanes == kWarp) return __reduce_max_sync(0xFFFFFFFFu, bits);
#endif
  for (int offset = lanes / 2; offset > 0; offset /= 2)
    bits = max(bits, __shfl_xor_sync(0xFFFFFFFFu, bits, offset));
  return bits;
}

// What may be done with the values; with Value() it changes none.
struct Sum {
  using Value = double;
  static __device__ double of_warp(double x) { return warp_sum(x); }
};
struct Largest {
  using Value = uint32_t;
  static __device__ uint32_t of_warp(uint32_t x) { return largest_of_lanes(x, kWarp); }
};

// Of kCount values of every thread at once; the results are in the first warp, and always added in the same
// order. A call has one barrier, as calls use two sets of parts in turn: whoever writes to a set has passed
// the barrier after it was read. So a kernel has one object of a type.
template <class Fold, int kCount>
class BlockFold {
 public:
  using Value = typename Fold::Value;

  __device__ void operator()(Value (&x)[kCount]) {
    __shared__ Value parts[2][kCount][kWarp];
    const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      x[k] = Fold::of_warp(x[k]);
      if (lane == 0) parts[turn_][k][warp] = x[k];
    }
    __syncthreads();
    if (warp == 0) {
#pragma unroll
      for (int k = 0; k < kCount; ++k)
        x[k] = Fold::of_warp(lane < blockDim.x / kWarp ? parts[turn_][k][lane] : Value());
    }
    turn_ ^= 1;
  }

 private:
  int turn_ = 0;
};

}  // namespace octet::cuda
