// Table look-ups, and their gradient: sums over equal ids in an order that the ids alone decide. Positions
// are sorted by id; every chunk of the sorted list sums its runs of equal ids, and runs that cross chunks are
// put together afterwards. An id that takes half of all positions thus costs no more than any other.
#include <cub/device/device_radix_sort.cuh>

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "core/error.h"
#include "core/gpu_scratch.h"
#include "cuda/fault.cuh"
#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

template <class Word>
__global__ void look_up(int64_t n, int64_t rows, int64_t words, const Word* table, const int32_t* ids,
                        Fault* fault, Word* y) {
  // table: [rows, words]; ids: [n]; y: [n, words]
  for (int64_t i = grid_index(); i < n * words; i += grid_step()) {
    const int64_t position = i / words, word = i - position * words;
    const int id = checked(fault, Fault::EmbeddingId, ids[position], -1, rows, position, -1);
    y[i] = id < 0 ? Word{} : table[id * words + word];
  }
}

// The same from a table of BF16, packs of kCount elements at a time.
template <int kCount>
__global__ void look_up_widened(int64_t n, int64_t rows, int64_t packs, const Pack<BFloat16, kCount>* table,
                                const int32_t* ids, Fault* fault, Pack<float, kCount>* y) {
  // table: [rows, packs]; ids: [n]; y: [n, packs]
  for (int64_t i = grid_index(); i < n * packs; i += grid_step()) {
    const int64_t position = i / packs, pack = i - position * packs;
    const int id = checked(fault, Fault::EmbeddingId, ids[position], -1, rows, position, -1);
    Pack<BFloat16, kCount> weights{};
    if (id >= 0) weights = table[id * packs + pack];
    Pack<float, kCount> widened;
#pragma unroll
    for (int k = 0; k < kCount; ++k) widened.at[k] = static_cast<float>(weights.at[k]);
    y[i] = widened;
  }
}

template <int kCount>
void launch_widened(const Tensor& table, const Tensor& ids, const Tensor& y) {
  const Context& c = context(table);
  const int64_t packs = table.size(1) / kCount, n = ids.numel();
  look_up_widened<kCount><<<grid_for(c, n * packs), kThreads, 0, c.stream>>>(
      n, table.size(0), packs, static_cast<const Pack<BFloat16, kCount>*>(table.raw()), ids.data<int32_t>(),
      c.device_fault, static_cast<Pack<float, kCount>*>(y.raw()));
  check_launch();
}

void forward_widened(const Tensor& table, const Tensor& ids, const Tensor& y) {
  const auto* from = table.data<BFloat16>();
  auto* to = y.data<float>();
  const auto fits = [&]<int kCount>(std::integral_constant<int, kCount>) {
    return table.size(1) % kCount == 0 && can_hold<Pack<BFloat16, kCount>>(from) &&
           can_hold<Pack<float, kCount>>(to);
  };
  if (fits(std::integral_constant<int, 4>{})) return launch_widened<4>(table, ids, y);
  if (fits(std::integral_constant<int, 2>{})) return launch_widened<2>(table, ids, y);
  launch_widened<1>(table, ids, y);
}

void forward(const Tensor& table, const Tensor& ids, const Tensor& y) {
  const Op op("embedding.forward");
  const Context& c = context(table);
  const int64_t bytes = table.size(1) * size_of(table.dtype()), n = ids.numel();
  if (n == 0 || bytes == 0) return;
  if (table.dtype() != y.dtype()) return forward_widened(table, ids, y);
  const uint64_t bits = reinterpret_cast<uintptr_t>(table.raw()) | reinterpret_cast<uintptr_t>(y.raw()) |
                        static_cast<uint64_t>(bytes);
  with_word(bits, [&](auto word) {
    using Word = decltype(word);
    const int64_t words = bytes / static_cast<int64_t>(sizeof(Word));
    look_up<<<grid_for(c, n * words), kThreads, 0, c.stream>>>(
        n, table.size(0), words, static_cast<const Word*>(table.raw()), ids.data<int32_t>(), c.device_fault,
        static_cast<Word*>(y.raw()));
    check_launch();
  });
}

// The key of a position is its row of the table; `rows`, behind all others, says that it has none.
__global__ void make_keys(int64_t n, int64_t rows, int64_t padding, const int32_t* ids, Fault* fault,
                          uint32_t* keys, int32_t* positions) {
  // ids, keys, positions: [n]
  for (int64_t i = grid_index(); i < n; i += grid_step()) {
    const int id = checked(fault, Fault::EmbeddingId, ids[i], -1, rows, i, -1);
    keys[i] = static_cast<uint32_t>(id < 0 || id == padding ? rows : id);
    positions[i] = static_cast<int32_t>(i);
  }
}

constexpr int kChunk = EmbeddingScratch::kChunk;
constexpr int kColumns = 128;  // threads of a block that sums a chunk
constexpr int kBatch = 8;      // loads under way at a time

struct Sorted {
  int64_t n, rows;
  const uint32_t* keys;      // [n], ascending
  const int32_t* positions;  // [n], ascending where keys are equal

  // Whether one run stands on both sides of the border before i.
  __device__ bool crosses(int64_t i) const { return i > 0 && i < n && keys[i - 1] == keys[i]; }
};

// A run inside the chunk is a row of dtable. The part of one that began before goes to `heads`, the part of
// one that begins here and goes on behind to `tails`.
template <class T>
__global__ void sum_chunks(Sorted sorted, int64_t cols, const T* dy, T* dtable, T* heads, T* tails) {
  // dy: [n, cols]; dtable: [rows, cols]; heads, tails: [chunks, cols]
  __shared__ uint32_t keys[kChunk];
  __shared__ int32_t positions[kChunk];
  const int64_t chunk = blockIdx.x, begin = chunk * kChunk;
  const int count = static_cast<int>(min(int64_t{kChunk}, sorted.n - begin));
  if (sorted.keys[begin] >= sorted.rows) return;  // nor do any later ones have a row
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kColumns) {
    keys[i] = sorted.keys[begin + i];
    positions[i] = sorted.positions[begin + i];
  }
  __syncthreads();
  const bool comes_in = sorted.crosses(begin), goes_out = sorted.crosses(begin + count);
  for (int64_t col = int64_t{blockIdx.y} * kColumns + threadIdx.x; col < cols; col += gridDim.y * kColumns) {
    T sum = 0;
    bool first = true;  // run of the chunk
    for (int at = 0; at < count; at += kBatch) {
      T values[kBatch];
#pragma unroll
      for (int k = 0; k < kBatch; ++k)
        values[k] = at + k < count ? dy[int64_t{positions[at + k]} * cols + col] : T(0);
#pragma unroll
      for (int k = 0; k < kBatch; ++k) {
        const int i = at + k;
        if (i >= count || keys[i] >= sorted.rows) break;
        sum += values[k];
        const bool last = i + 1 == count;
        if (!last && keys[i + 1] == keys[i]) continue;
        if (first && comes_in) {
          heads[chunk * cols + col] = sum;
        } else if (last && goes_out) {
          tails[chunk * cols + col] = sum;
        } else {
          dtable[int64_t{keys[i]} * cols + col] = sum;
        }
        sum = 0;
        first = false;
      }
    }
  }
}

constexpr int kLanes = kWarp, kSharers = kThreads / kWarp;

// The block of the chunk where a run begins that goes on behind adds its parts: 32 columns, 8 threads each.
template <class T>
__global__ void join_chunks(Sorted sorted, int64_t cols, const T* heads, const T* tails, T* dtable) {
  // heads, tails: [chunks, cols]; dtable: [rows, cols]
  __shared__ T parts[kSharers][kLanes];
  const int64_t chunk = blockIdx.x, begin = chunk * kChunk, next = begin + kChunk;
  if (!sorted.crosses(next)) return;
  const uint32_t key = sorted.keys[next];
  if (key >= sorted.rows || (sorted.crosses(begin) && sorted.keys[begin] == key)) return;
  // How many chunks begin inside the run, a look at kThreads of them at a time.
  int64_t chunks = 0;
  const int thread = static_cast<int>(threadIdx.y * kLanes + threadIdx.x);
  for (int found = kThreads; found == kThreads; chunks += found) {
    const int64_t i = next + (chunks + thread) * kChunk;
    found = __syncthreads_count(i < sorted.n && sorted.keys[i] == key);
  }
  const int64_t col = int64_t{blockIdx.y} * kLanes + threadIdx.x;
  T sum = 0;
  if (col < cols) {
    if (threadIdx.y == 0) sum = tails[chunk * cols + col];
#pragma unroll 8
    for (int64_t k = threadIdx.y; k < chunks; k += kSharers) sum += heads[(chunk + 1 + k) * cols + col];
  }
  parts[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || col >= cols) return;
  for (int k = 1; k < kSharers; ++k) sum += parts[k][threadIdx.x];
  dtable[int64_t{key} * cols + col] = sum;
}

void backward(const Tensor& ids, const Tensor& dy, int64_t padding, const Tensor& dtable) {
  const Op op("embedding.backward");
  const Context& c = context(ids);
  const int64_t n = ids.numel(), rows = dtable.size(0), cols = dtable.size(1);
  if (dtable.numel() == 0) return;
  check(cudaMemsetAsync(dtable.raw(), 0, static_cast<size_t>(dtable.bytes()), c.stream));
  if (n == 0) return;
  require(n <= std::numeric_limits<int32_t>::max(), "embedding: ", n, " ids are more than 32 bits can count");

  const auto [lists, sorting, before, behind] = EmbeddingScratch::of(n, cols, size_of(dy.dtype()));
  const Tensor scratch = workspace(ids.device(), lists);
  auto* words = static_cast<uint32_t*>(scratch.raw());
  auto* indices = reinterpret_cast<int32_t*>(words + 2 * n);
  cub::DoubleBuffer<uint32_t> keys(words, words + n);
  cub::DoubleBuffer<int32_t> positions(indices, indices + n);
  make_keys<<<grid_for(c, n), kThreads, 0, c.stream>>>(n, rows, padding, ids.data<int32_t>(), c.device_fault,
                                                       keys.Current(), positions.Current());
  check_launch();
  const int bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(rows)));
  const auto sort = [&](void* temporary, size_t& bytes) {  // stable
    check(cub::DeviceRadixSort::SortPairs(temporary, bytes, keys, positions, static_cast<int>(n), 0, bits,
                                          c.stream));
  };
  size_t bytes = 0;
  sort(nullptr, bytes);
  const Tensor temporary = workspace(ids.device(), std::max(sorting, static_cast<int64_t>(bytes)));
  sort(temporary.raw(), bytes);

  const Sorted sorted = {n, rows, keys.Current(), positions.Current()};
  const int64_t chunks = EmbeddingScratch::chunks(n);
  const auto grid = [&](int64_t columns) {
    return dim3(static_cast<unsigned>(chunks), static_cast<unsigned>(ceil_div(cols, columns)));
  };
  with_float_type(dy.dtype(), "embedding", [&](auto zero) {
    using T = decltype(zero);
    const Tensor heads = workspace(ids.device(), before), tails = workspace(ids.device(), behind);
    auto *head = static_cast<T*>(heads.raw()), *tail = static_cast<T*>(tails.raw());
    sum_chunks<<<grid(kColumns), kColumns, 0, c.stream>>>(sorted, cols, dy.data<T>(), dtable.data<T>(), head,
                                                          tail);
    check_launch();
    if (chunks == 1) return;
    join_chunks<<<grid(kLanes), dim3(kLanes, kSharers), 0, c.stream>>>(sorted, cols, head, tail,
                                                                       dtable.data<T>());
    check_launch();
  });
}

}  // namespace

EmbeddingKernels embedding_kernels() { return {.forward = forward, .backward = backward}; }

}  // namespace octet::cuda
