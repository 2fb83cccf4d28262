// Dropout: the mask is the Philox stream that the CPU draws, word for word.
#include "core/philox.h"
#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

struct Mask {
  uint64_t key, first;
  uint32_t limit;  // a word below it is dropped
};

// A thread draws a block of the stream, which serves four elements. x, y: [n]
template <class T>
__global__ void dropout(Mask mask, T scale, int64_t n, bool wide, const T* x, T* y) {
  using Four = Pack<T, 4>;
  const int64_t blocks = (n + 3) / 4;
  for (int64_t block = grid_index(); block < blocks; block += grid_step()) {
    uint32_t words[4];
    philox_block(mask.key, mask.first + static_cast<uint64_t>(block), words);
    if (wide && block < n / 4) {
      Four values = reinterpret_cast<const Four*>(x)[block];
#pragma unroll
      for (int k = 0; k < 4; ++k) values.at[k] = words[k] >= mask.limit ? values.at[k] * scale : T(0);
      reinterpret_cast<Four*>(y)[block] = values;
    } else {
#pragma unroll
      for (int k = 0; k < 4; ++k)
        if (const int64_t i = block * 4 + k; i < n) y[i] = words[k] >= mask.limit ? x[i] * scale : T(0);
    }
  }
}

void apply(const Tensor& x, double p, uint64_t key, uint64_t first, const Tensor& y) {
  const Op op("dropout.apply");
  const Context& c = context(x);
  const int64_t n = x.numel();
  if (n == 0) return;
  const Mask mask = {key, first, static_cast<uint32_t>(p * 0x1p32)};
  with_float_type(x.dtype(), "dropout", [&](auto zero) {
    using T = decltype(zero);
    const bool wide = can_hold<Pack<T, 4>>(x.data<T>()) && can_hold<Pack<T, 4>>(y.data<T>());
    dropout<<<grid_for(c, ceil_div(n, 4)), kThreads, 0, c.stream>>>(mask, static_cast<T>(1 / (1 - p)), n,
                                                                    wide, x.data<T>(), y.data<T>());
    check_launch();
  });
}

}  // namespace

DropoutKernels dropout_kernels() { return {.apply = apply}; }

}  // namespace octet::cuda
