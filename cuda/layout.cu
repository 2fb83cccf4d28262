// Changes of layout: strided copies and transposes of bytes, whatever the element type.
#include "cuda/axes.cuh"
#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

// y[at_b] = x[at_a] over the space of the axes.
template <class Word>
__global__ void copy_kernel(const __grid_constant__ Axes axes, int64_t n, const Word* x, Word* y) {
  for (int64_t i = grid_index(); i < n; i += grid_step()) {
    int64_t from, to;
    axes.locate(i, from, to);
    y[to] = x[from];
  }
}

// a: strides in x, b: strides in y. Runs that are contiguous in both are copied in wide words.
void copy(const Context& c, Axes axes, int64_t element, const std::byte* x, std::byte* y) {
  const int64_t n = axes.numel();
  if (n == 0) return;
  const int last = axes.rank - 1;
  const bool runs = axes.rank > 0 && axes.a[last] == 1 && axes.b[last] == 1;
  if (axes.rank == 0 || (axes.rank == 1 && runs))
    return check(cudaMemcpyAsync(y, x, static_cast<size_t>(n * element), cudaMemcpyDeviceToDevice, c.stream));
  uint64_t bits = static_cast<uint64_t>(element);
  if (runs) {
    bits = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y) |
           static_cast<uint64_t>(axes.size[last] * element);
    for (int axis = 0; axis < last; ++axis)
      bits |= static_cast<uint64_t>((axes.a[axis] | axes.b[axis]) * element);
  }
  with_word(bits, [&](auto word) {
    using Word = decltype(word);
    const auto elements = static_cast<int64_t>(sizeof(Word)) / element;  // in a word
    if (runs) {
      axes.size[last] /= elements;
      for (int axis = 0; axis < last; ++axis) axes.a[axis] /= elements, axes.b[axis] /= elements;
    }
    const int64_t words = n / elements;
    copy_kernel<<<grid_for(c, words), kThreads, 0, c.stream>>>(axes, words, reinterpret_cast<const Word*>(x),
                                                               reinterpret_cast<Word*>(y));
    check_launch();
  });
}

constexpr int kTile = 32, kTileRows = kThreads / kTile;

// Axis `in` is contiguous in x, axis `out` in y; the others are a batch of such matrices.
struct Transpose {
  Axes batch;
  int64_t in_size, in_to;      // size, stride in y
  int64_t out_size, out_from;  // size, stride in x
  int64_t in_tiles, out_tiles, tiles;
};

// A block reads tiles along `in` and writes them along `out`, so that both are coalesced.
template <class Word>
__global__ void transpose_kernel(const __grid_constant__ Transpose t, const Word* x, Word* y) {
  __shared__ Word tile[kTile][kTile + 1];
  const int lane = static_cast<int>(threadIdx.x) % kTile, first = static_cast<int>(threadIdx.x) / kTile;
  for (int64_t at = blockIdx.x; at < t.tiles; at += gridDim.x) {
    const int64_t in = at % t.in_tiles * kTile, out = at / t.in_tiles % t.out_tiles * kTile;
    int64_t from, to;
    t.batch.locate(at / t.in_tiles / t.out_tiles, from, to);
    for (int row = first; row < kTile; row += kTileRows)
      if (out + row < t.out_size && in + lane < t.in_size)
        tile[row][lane] = x[from + (out + row) * t.out_from + in + lane];
    __syncthreads();
    for (int row = first; row < kTile; row += kTileRows)
      if (in + row < t.in_size && out + lane < t.out_size)
        y[to + (in + row) * t.in_to + out + lane] = tile[lane][row];
    __syncthreads();  // before the next tile comes
  }
}

void transpose(const Context& c, const Axes& axes, int in, int64_t element, const std::byte* x,
               std::byte* y) {
  const int out = axes.rank - 1;
  Transpose t = {.in_size = axes.size[in],
                 .in_to = axes.b[in],
                 .out_size = axes.size[out],
                 .out_from = axes.a[out],
                 .in_tiles = ceil_div(axes.size[in], kTile),
                 .out_tiles = ceil_div(axes.size[out], kTile)};
  for (int axis = 0; axis < out; ++axis)
    if (axis != in) t.batch.push(axes.size[axis], axes.a[axis], axes.b[axis]);
  t.tiles = t.batch.numel() * t.in_tiles * t.out_tiles;
  with_word(static_cast<uint64_t>(element), [&](auto word) {
    using Word = decltype(word);
    if constexpr (sizeof(Word) <= 8) {  // no element is larger
      transpose_kernel<<<grid_for(c, t.tiles, 1), kThreads, 0, c.stream>>>(
          t, reinterpret_cast<const Word*>(x), reinterpret_cast<Word*>(y));
      check_launch();
    }
  });
}

void permute(const Tensor& x, std::span<const int> axes, const Tensor& y) {
  const Op op("layout.permute");
  const Context& c = context(x);
  if (x.numel() == 0) return;
  const int rank = x.shape().rank();
  int64_t from[Shape::kMaxRank], to[Shape::kMaxRank];
  for (int64_t step = 1, axis = rank - 1; axis >= 0; step *= x.size(static_cast<int>(axis)), --axis)
    from[axis] = step;
  for (int64_t step = 1, axis = rank - 1; axis >= 0; step *= y.size(static_cast<int>(axis)), --axis)
    to[axis] = step;
  Axes space;  // in the order of y
  for (int axis = 0; axis < rank; ++axis)
    space.push(y.size(axis), from[axes[static_cast<size_t>(axis)]], to[axis]);
  const auto* source = static_cast<const std::byte*>(x.raw());
  auto* target = static_cast<std::byte*>(y.raw());
  const int64_t element = size_of(x.dtype());
  const int last = space.rank - 1;
  constexpr int64_t kNarrow = 16;  // a tile would be half empty
  for (int axis = 0; axis < last; ++axis)
    if (space.a[axis] == 1 && space.size[axis] >= kNarrow && space.size[last] >= kNarrow)
      return transpose(c, space, axis, element, source, target);
  copy(c, space, element, source, target);
}

void copy_block(const Tensor& x, const Tensor& y, const BlockCopy& block) {
  const Op op("layout.copy_block");
  const Context& c = context(x);
  const int64_t element = size_of(x.dtype());
  Axes space;
  space.push(block.count, block.from_stride, block.to_stride);
  space.push(block.length, 1, 1);
  copy(c, space, element, static_cast<const std::byte*>(x.raw()) + block.from * element,
       static_cast<std::byte*>(y.raw()) + block.to * element);
}

}  // namespace

LayoutKernels layout_kernels() { return {.permute = permute, .copy_block = copy_block}; }

}  // namespace octet::cuda
