// The passes of a rule's form for matrices: a warp has a tile of 64 rows and 128 columns, a lane four columns
// of it.
#pragma once

#include <cstring>
#include <type_traits>

#include "cuda/optim/lanes.cuh"
#include "cuda/optim/steps.h"
#include "cuda/optim/survey.cuh"
#include "optim/survey.h"

namespace octet::cuda {

using optim::Tile;
using optim::TileSums;

constexpr int kLineThreads = 1024;

// Four elements of a row, in memory as they are or, if they are weights, as bf16.
template <class T>
struct Quad {
  using Vector = std::conditional_t<sizeof(T) == 8, double2, float4>;
  static constexpr int kVectors = kGroup * sizeof(T) / sizeof(Vector);

  T x[kGroup];
  int valid;  // how many there are; the others are 0

  __device__ Quad(const T* from, int valid) : valid(valid) {
    if (whole(from, sizeof(Vector))) {
      Vector vectors[kVectors];
#pragma unroll
      for (int i = 0; i < kVectors; ++i) vectors[i] = __ldcg(reinterpret_cast<const Vector*>(from) + i);
      std::memcpy(x, vectors, sizeof x);
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i) x[i] = i < valid ? from[i] : T();
    }
  }
  __device__ Quad(const BFloat16* from, int valid) : valid(valid) {
    if (whole(from, sizeof(uint2))) {
      const uint2 pairs = __ldcg(reinterpret_cast<const uint2*>(from));
      x[0] = __uint_as_float(pairs.x << 16), x[1] = __uint_as_float(pairs.x & 0xFFFF0000u);
      x[2] = __uint_as_float(pairs.y << 16), x[3] = __uint_as_float(pairs.y & 0xFFFF0000u);
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i) x[i] = i < valid ? static_cast<T>(from[i]) : T();
    }
  }
  __device__ void store(T* to) const {
    if (whole(to, sizeof(Vector))) {
      Vector vectors[kVectors];
      std::memcpy(vectors, x, sizeof x);
#pragma unroll
      for (int i = 0; i < kVectors; ++i) __stcg(reinterpret_cast<Vector*>(to) + i, vectors[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i)
        if (i < valid) to[i] = x[i];
    }
  }
  // how: its key is that of the first element.
  __device__ void store(BFloat16* to, const Encoding& how) const {
    uint16_t bits[kGroup];
#pragma unroll
    for (int i = 0; i < kGroup; ++i)
      bits[i] = optim::rounded_bf16(x[i], how, optim::dither_bits(how.dither_key, static_cast<uint32_t>(i)));
    if (whole(to, sizeof(uint2))) {
      __stcg(reinterpret_cast<uint2*>(to),
             make_uint2(bits[0] | uint32_t{bits[1]} << 16, bits[2] | uint32_t{bits[3]} << 16));
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i)
        if (i < valid) to[i].bits = bits[i];
    }
  }

 private:
  __device__ bool whole(const void* at, size_t bytes) const {
    return valid == kGroup && reinterpret_cast<uintptr_t>(at) % bytes == 0;
  }
};

// This warp's tile and this lane's columns in it.
template <class Rule, class T>
struct WarpTile {
  static constexpr bool kMayBeNarrow = std::is_same_v<T, float>;

  const StepPlan& plan;
  const int64_t piece;
  const StepTensor& tensor;
  const Tile tile;
  const int64_t first;  // element: this lane's first one in the tile's first row
  const int valid;      // of this lane's four columns
  const T max_value, scale;
  typename Rule::template Update<T> update;

  __device__ WarpTile(const StepPlan& plan, const StepControl& control, int64_t piece)
      : plan(plan),
        piece(piece),
        tensor(plan.tensors[optim::tensor_of_piece(plan, piece)]),
        tile(tensor, piece - tensor.first_piece),
        first(tile.row * tensor.columns + tile.column + lane() * kGroup),
        valid(min(max(tile.columns - lane() * kGroup, 0), kGroup)),
        max_value(static_cast<T>(plan.max_value)),
        scale(static_cast<T>(control.scale)),
        update(*static_cast<const typename Rule::template Update<T>*>(plan.update)) {}

  static __device__ int lane() { return static_cast<int>(threadIdx.x % kWarp); }
  __device__ const TensorSurvey& survey() const {
    return optim::tensor_surveys(plan)[&tensor - plan.tensors];
  }
  __device__ Quad<T> weights(int row) const {
    const int64_t at = first + row * tensor.columns;
    if constexpr (kMayBeNarrow) {
      if (plan.bf16_weights) return {static_cast<const BFloat16*>(tensor.weight) + at, valid};
    }
    return {static_cast<const T*>(tensor.weight) + at, valid};
  }
  // base: of the dither of weights in this step.
  __device__ void store_weights(int row, const Quad<T>& weights, uint32_t base) const {
    const int64_t at = first + row * tensor.columns;
    if constexpr (kMayBeNarrow) {
      if (plan.bf16_weights) {
        Encoding how = optim::weight_encoding(plan, tensor.salt, base);
        how.dither_key = optim::dither_bits(how.dither_key, static_cast<uint32_t>(at));
        return weights.store(static_cast<BFloat16*>(tensor.weight) + at, how);
      }
    }
    weights.store(static_cast<T*>(tensor.weight) + at);
  }
  __device__ Quad<T> gradients(int row) const {
    Quad<T> g(static_cast<const T*>(tensor.gradient) + first + row * tensor.columns, valid);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) g.x[i] = scale * optim::limited(g.x[i], max_value);
    return g;
  }
  __device__ Quad<T> column_factors() const {
    Quad<T> factors(static_cast<const T*>(tensor.state[1]) + tile.column + lane() * kGroup, valid);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) factors.x[i] = update.column_factor(factors.x[i]);
    return factors;
  }
};

// The directions in this lane's columns, row by row. Each lane knows the factors of two rows.
template <class Rule, class T>
class Directions {
 public:
  __device__ explicit Directions(const WarpTile<Rule, T>& at) : at_(at), columns_(at.column_factors()) {
    static_assert(optim::kTileRows == 2 * kWarp);
    const T* const rows = static_cast<const T*>(at.tensor.state[0]) + at.tile.row;
    const double mean = at.survey().mean_of_rows;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = i * kWarp + at.lane();
      rows_[i] = row < at.tile.rows ? at.update.row_factor(rows[row], mean) : T();
    }
  }
  // For all lanes of a warp together.
  __device__ Quad<T> operator()(int row) const {
    const T factor = __shfl_sync(0xFFFFFFFFu, row < kWarp ? rows_[0] : rows_[1], row % kWarp);
    Quad<T> u = at_.gradients(row);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) u.x[i] = at_.update.direction(u.x[i], factor, columns_.x[i]);
    return u;
  }

 private:
  const WarpTile<Rule, T>& at_;
  const Quad<T> columns_;
  T rows_[2];
};

// Which way a pass goes through the tiles: back and forth in turn, so that each begins with what the one
// before it has left in the GPU's L2 cache. The norm pass goes forth.
enum class Way { Back, Forth };

// Calls body(tile) with the tile of this warp, if there is one that is stepped.
template <class Rule, class T, Way kWay, class Body>
__device__ void with_tile(const StepPlan& plan, const StepControl* control, const Body& body) {
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  const int64_t turn = (int64_t{blockIdx.x} * kThreads + threadIdx.x) / kWarp;
  if (turn >= plan.piece_count) return;
  const int64_t piece = kWay == Way::Back ? plan.piece_count - 1 - turn : turn;
  const WarpTile<Rule, T> tile(plan, *control, piece);
  if (tile.tensor.gradient) body(tile);
}

// Squares of gradients by row and column, and of the weights.
template <class Rule, class T>
__global__ void __launch_bounds__(kThreads)
    measure_lines_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  with_tile<Rule, T, Way::Back>(plan, control, [](const WarpTile<Rule, T>& at) {
    TileSums& out = optim::tile_sums(at.plan)[at.piece];
    double column[kGroup] = {}, weight = 0;
#pragma unroll 4
    for (int row = 0; row < at.tile.rows; ++row) {
      const Quad<T> g = at.gradients(row), w = at.weights(row);
      double sum = 0;
#pragma unroll
      for (int i = 0; i < kGroup; ++i) {
        const auto x = static_cast<double>(g.x[i]), y = static_cast<double>(w.x[i]);
        column[i] = fma(x, x, column[i]);
        sum = fma(x, x, sum);
        weight = fma(y, y, weight);
      }
      sum = warp_sum(sum);
      if (at.lane() == 0) out.row[row] = sum;
    }
#pragma unroll
    for (int i = 0; i < kGroup; ++i)
      if (i < at.valid) out.column[at.lane() * kGroup + i] = column[i];
    weight = warp_sum(weight);
    if (at.lane() == 0) optim::survey_pieces(at.plan)[at.piece].weight = weight;
  });
}

// The sum of value(i) over i in [0, count), for each of kLines lines (their number: threadIdx.x % kLines), in
// the threads below kLines.
template <int kLines, class Value>
__device__ double line_sum(int64_t count, const Value& value) {
  constexpr int kWays = kLineThreads / kLines;
  __shared__ double sums[kWays][kLines];
  const int line = threadIdx.x % kLines, way = threadIdx.x / kLines;
  double sum = 0;
  for (int64_t i = way; i < count; i += kWays) sum += value(i, line);
  __syncthreads();
  sums[way][line] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < kWays; ++i) sum += sums[i][line];
  return sum;
}

// A block of threads has a tile: the first of each band updates its rows, the first of each strip its
// columns.
template <class Rule, class T>
__global__ void __launch_bounds__(kLineThreads)
    update_lines_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  const StepTensor& tensor = plan.tensors[optim::tensor_of_piece(plan, blockIdx.x)];
  if (!tensor.gradient) return;
  const Tile tile(tensor, blockIdx.x - tensor.first_piece);
  const TileSums* const tiles = optim::tile_sums(plan) + tensor.first_piece;
  const auto& update = *static_cast<const typename Rule::template Update<T>*>(plan.update);
  const int line = static_cast<int>(threadIdx.x);
  if (tile.strip == 0) {
    const double sum = line_sum<optim::kTileRows>(tile.strips, [&](int64_t strip, int row) {
      return row < tile.rows ? tiles[tile.band * tile.strips + strip].row[row] : 0.0;
    });
    if (line < tile.rows) {
      T& row = static_cast<T*>(tensor.state[0])[tile.row + line];
      row = update.line(row, sum / static_cast<double>(tensor.columns));
    }
  }
  if (tile.band == 0) {
    const double sum = line_sum<optim::kTileColumns>(tile.bands, [&](int64_t band, int column) {
      return column < tile.columns ? tiles[band * tile.strips + tile.strip].column[column] : 0.0;
    });
    if (line < tile.columns) {
      T& column = static_cast<T*>(tensor.state[1])[tile.column + line];
      column = update.line(column, sum / static_cast<double>(tensor.count / tensor.columns));
    }
  }
}

// Squares of the directions.
template <class Rule, class T>
__global__ void __launch_bounds__(kThreads)
    measure_directions_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  with_tile<Rule, T, Way::Forth>(plan, control, [](const WarpTile<Rule, T>& at) {
    const Directions<Rule, T> directions(at);
    double sum = 0;
#pragma unroll 4
    for (int row = 0; row < at.tile.rows; ++row) {
      const Quad<T> u = directions(row);
#pragma unroll
      for (int i = 0; i < kGroup; ++i)
        sum = fma(static_cast<double>(u.x[i]), static_cast<double>(u.x[i]), sum);
    }
    sum = warp_sum(sum);
    if (at.lane() == 0) optim::survey_pieces(at.plan)[at.piece].measured = sum;
  });
}

template <class Rule, class T>
__global__ void __launch_bounds__(kThreads)
    update_kernel(const __grid_constant__ StepPlan plan, const StepControl* control) {
  with_tile<Rule, T, Way::Back>(plan, control, [control](const WarpTile<Rule, T>& at) {
    const Directions<Rule, T> directions(at);
    const T factor = static_cast<T>(at.survey().factor);
    const uint32_t base = optim::dither_base(at.plan.seed, optim::kWeightSlot, control->steps);
#pragma unroll 4
    for (int row = 0; row < at.tile.rows; ++row) {
      const Quad<T> u = directions(row);
      Quad<T> w = at.weights(row);
#pragma unroll
      for (int i = 0; i < kGroup; ++i) at.update.step(w.x[i], u.x[i], factor);
      at.store_weights(row, w, base);
    }
  });
}

template <class Rule, class T>
void launch_matrices(const Context& c, const StepPlan& plan, const StepControl* control) {
  const auto warps = static_cast<unsigned>(ceil_div(plan.piece_count, kThreads / kWarp));
  const auto pieces = static_cast<unsigned>(plan.piece_count);
  launch_early(c, measure_lines_kernel<Rule, T>, warps, kThreads, plan, control);
  launch_early(c, update_lines_kernel<Rule, T>, pieces, kLineThreads, plan, control);
  find_mean_of_rows(c, plan, control);
  launch_early(c, measure_directions_kernel<Rule, T>, warps, kThreads, plan, control);
  find_factors(c, plan, control);
  launch_early(c, update_kernel<Rule, T>, warps, kThreads, plan, control);
}

template <class Rule>
void step_matrices(const Context& c, const StepPlan& plan, const StepControl* control) {
  if (optim::computes_in_double(optim::Codecs(), plan.codec)) {
    launch_matrices<Rule, double>(c, plan, control);
  } else {
    launch_matrices<Rule, float>(c, plan, control);
  }
}

}  // namespace octet::cuda
