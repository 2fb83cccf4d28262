#include "cuda/lstm_weights.h"

#include "cuda/launch.h"

namespace octet::cuda {
namespace {

// What one launch copies; a kernel's parameters may take 4 KB.
template <class T>
struct CopyTable {
  struct Entry {
    T* tensor;
    int64_t at, count;
  };
  static constexpr int kMost = 128;
  Entry entries[kMost];
};
static_assert(sizeof(CopyTable<float>) < 4000);

// Row y of the grid copies entry y of the table. space: the weight space
template <class T, bool kGather>
__global__ void copy_entries(const __grid_constant__ CopyTable<T> table, T* __restrict__ space) {
  const auto& entry = table.entries[blockIdx.y];
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < entry.count; i += step) {
    if constexpr (kGather) {
      space[entry.at + i] = entry.tensor[i];
    } else {
      entry.tensor[i] = space[entry.at + i];
    }
  }
}

template <class T, bool kGather>
void copy_pieces(const Context& c, std::span<const WeightPiece> pieces, std::span<const Tensor> tensors,
                 T* space) {
  constexpr int64_t kPerThread = 4;
  CopyTable<T> table;
  unsigned entries = 0;
  int64_t longest = 0;
  const auto launch = [&] {
    if (entries == 0) return;
    const dim3 grid(grid_for(c, longest, kThreads * kPerThread), entries);
    copy_entries<T, kGather><<<grid, kThreads, 0, c.stream>>>(table, space);
    check_launch();
    entries = 0;
    longest = 0;
  };
  for (const WeightPiece& piece : pieces) {
    const Tensor& tensor = tensors[piece.tensor];
    if (!tensor.defined()) continue;
    table.entries[entries++] = {tensor.data<T>() + piece.from, piece.at, piece.count};
    longest = std::max(longest, piece.count);
    if (entries == CopyTable<T>::kMost) launch();
  }
  launch();
}

template <bool kGather>
void copy_pieces(const Context& c, std::span<const WeightPiece> pieces, std::span<const Tensor> tensors,
                 const Tensor& space) {
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    with_float_type(tensor.dtype(), "lstm", [&](auto zero) {
      using T = decltype(zero);
      copy_pieces<T, kGather>(c, pieces, tensors, static_cast<T*>(space.raw()));
    });
    return;
  }
}

}  // namespace

void gather_weights(const Context& c, std::span<const WeightPiece> pieces, std::span<const Tensor> weights,
                    const Tensor& space) {
  copy_pieces<true>(c, pieces, weights, space);
}

void scatter_gradients(const Context& c, std::span<const WeightPiece> pieces, const Tensor& space,
                       std::span<const Tensor> dweights) {
  copy_pieces<false>(c, pieces, dweights, space);
}

}  // namespace octet::cuda
