// What the two passes of the recurrence share. A block for each sequence and direction, four threads for each
// unit: a quad, one thread a gate. What a step takes is the time from one output to the next, so everything
// else is on its way before: weights stay in registers (those that find no room there in shared memory),
// operands from memory are copied to shared memory kAhead steps ahead, and a step has one barrier.
#pragma once

#include <cuda_pipeline_primitives.h>

#include "cuda/launch.h"
#include "cuda/lstm_cell.h"

namespace octet::cuda {

constexpr int kGates = 4;
constexpr int kTile = 16;      // units whose weights are dealt out together, a 4 x 4 piece to each thread
constexpr int kMostTiles = 8;  // of a layer
constexpr int kHeldTiles = 4;  // that registers have room for
constexpr int kAhead = 4;      // steps
constexpr size_t kFixedShared = 20 << 10;  // bytes of shared memory, at most, besides weights
constexpr unsigned kAllLanes = 0xFFFFFFFFu;

constexpr int threads_for(int tiles) { return kGates * kTile * tiles; }
constexpr int most_threads(int held, bool more) { return threads_for(more ? kMostTiles : held); }

// A thread's pieces of the weights. kMore: tiles beyond the kHeld are in shared memory.
template <int kHeld, bool kMore>
class Pieces {
 public:
  // more: [tiles - kHeld, 4, threads]; read(tile, piece) gives the rows of a piece.
  template <class Read>
  __device__ Pieces(int hidden, float4* more, const Read& read)
      : more_(more + threadIdx.x), tiles_((hidden + kTile - 1) / kTile) {
#pragma unroll
    for (int tile = 0; tile < kHeld; ++tile) read(tile, held_[tile]);
    if constexpr (kMore)
#pragma unroll 1
      for (int tile = kHeld; tile < tiles_; ++tile) {
        float4 piece[4];
        read(tile, piece);
#pragma unroll
        for (int row = 0; row < 4; ++row) more_[((tile - kHeld) * 4 + row) * blockDim.x] = piece[row];
      }
  }

  // sums[row]: that row of all pieces times x, of which tiles stand kStride apart.
  template <int kStride>
  __device__ void multiply(const float4* x, float (&sums)[4]) const {
#pragma unroll
    for (float& sum : sums) sum = 0;
#pragma unroll
    for (int tile = 0; tile < kHeld; ++tile) {
      const float4 part = x[tile * kStride];
#pragma unroll
      for (int row = 0; row < 4; ++row) add(held_[tile][row], part, sums[row]);
    }
    if constexpr (kMore)
#pragma unroll 1
      for (int tile = kHeld; tile < tiles_; ++tile) {
        const float4 part = x[tile * kStride];
#pragma unroll
        for (int row = 0; row < 4; ++row)
          add(more_[((tile - kHeld) * 4 + row) * blockDim.x], part, sums[row]);
      }
  }

 private:
  static __device__ void add(float4 a, float4 b, float& sum) {
    sum = fmaf(a.x, b.x, sum);
    sum = fmaf(a.y, b.y, sum);
    sum = fmaf(a.z, b.z, sum);
    sum = fmaf(a.w, b.w, sum);
  }

  float4 held_[kHeld][4];
  float4* more_;
  int tiles_;
};

// Row `row` of w: [4H, H], its columns from `column` on; zeros beyond the last.
__device__ inline float4 four_columns(const float* w, int64_t row, int column, int hidden) {
  if (column >= hidden) return {};
  const float* from = w + row * hidden + column;
  if (hidden % 4 == 0 && reinterpret_cast<uintptr_t>(w) % sizeof(float4) == 0)
    return *reinterpret_cast<const float4*>(from);
  const int count = hidden - column;
  return {from[0], count > 1 ? from[1] : 0, count > 2 ? from[2] : 0, count > 3 ? from[3] : 0};
}

// Four lanes that differ in the bits `high` and `low` add what they have: the sum of x[k] over them goes to
// the lane whose bits spell k.
__device__ inline float deal_sums(const float (&x)[4], unsigned lane, int high, int low) {
  const bool upper = lane & high, odd = lane & low;
  const float even_sum = (upper ? x[2] : x[0]) + __shfl_xor_sync(kAllLanes, upper ? x[0] : x[2], high);
  const float odd_sum = (upper ? x[3] : x[1]) + __shfl_xor_sync(kAllLanes, upper ? x[1] : x[3], high);
  return (odd ? odd_sum : even_sum) + __shfl_xor_sync(kAllLanes, odd ? even_sum : odd_sum, low);
}

// x of thread `from` of the quad.
__device__ inline float of_quad(float x, int from) { return __shfl_sync(kAllLanes, x, from, kGates); }

// tanh(x) or the sigmoid of x, to a few ulp, without the threads of a quad taking different branches:
//   sigmoid(x) = 1 / (2 + expm1(-x)), tanh(x) = -expm1(-2x) / (2 + expm1(-2x))
__device__ inline float activation(float x, bool is_tanh) {
  constexpr float kSaturated = -80;  // beyond, expm1 would become infinite; a NaN stays one
  float z = is_tanh ? 2 * x : x;
  z = z < kSaturated ? kSaturated : z;
  const float e = expm1f(-z);
  return (is_tanh ? -e : 1.0f) / (2.0f + e);
}

// What an asynchronous copy left here; read no sooner than the wait for it.
__device__ inline float arrived(const float& x) { return static_cast<const volatile float&>(x); }

// What a thread stands for.
struct Place {
  int hidden, thread, unit, gate;
  bool active;  // there is such a unit
  int column;   // of the gate, in [.., 4H]
  int sequence, direction, steps;
  int64_t state;  // of the unit, in [batch, H]
  int width, at;  // of a row of y, and of the unit in it
  const int64_t* offsets;

  template <class Layer>
  __device__ explicit Place(const Layer& a)
      : hidden(a.hidden),
        thread(static_cast<int>(threadIdx.x)),
        unit(thread / kGates),
        gate(thread % kGates),
        active(unit < hidden),
        column(gate * hidden + unit),
        sequence(static_cast<int>(blockIdx.x)),
        direction(static_cast<int>(blockIdx.y)),
        steps(static_cast<int>(a.sequences.lengths[sequence])),
        state(int64_t{sequence} * hidden + unit),
        width(a.directions * hidden),
        at(direction * hidden + unit),
        offsets(a.sequences.offsets) {}

  // Of a step, counted in the order in which this direction takes them; of the first or last one beyond them.
  __device__ int64_t offset(int step) const {
    step = min(max(step, 0), steps - 1);
    return offsets[direction == 0 ? step : steps - 1 - step];
  }
  __device__ float initial(const float* states) const { return active && states ? states[state] : 0; }
};

inline int64_t tiles_of(int64_t hidden) { return ceil_div(hidden, kTile); }
inline int64_t threads_of(int64_t hidden) { return ceil_div(kGates * hidden, kWarp) * kWarp; }
// Bytes of the weights in shared memory.
inline int64_t more_of(int64_t hidden) {
  return std::max<int64_t>(0, tiles_of(hidden) - kHeldTiles) * 4 * threads_of(hidden) *
         static_cast<int64_t>(sizeof(float4));
}

template <class Layer>
void launch(const Context& c, const Layer& layer, void (*small)(Layer), void (*medium)(Layer),
            void (*large)(Layer)) {
  const int64_t tiles = tiles_of(layer.hidden), more = more_of(layer.hidden);
  const auto kernel = tiles <= kHeldTiles / 2 ? small : tiles <= kHeldTiles ? medium : large;
  if (more > 0)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(more)));
  const dim3 grid(static_cast<unsigned>(layer.sequences.batch), static_cast<unsigned>(layer.directions));
  kernel<<<grid, static_cast<unsigned>(threads_of(layer.hidden)), static_cast<size_t>(more), c.stream>>>(
      layer);
  check_launch();
}

}  // namespace octet::cuda
