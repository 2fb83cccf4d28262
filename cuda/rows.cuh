// Sums over the rows of a matrix. They are kept in double, as on the CPU, and added in a fixed order.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cuda/launch.h"

namespace octet::cuda {

// The threads that walk a row together: a warp of the block's eight, or (kSpan = kThreads) the block.
template <int kSpan>
struct Team {
  static_assert(kSpan == kWarp || kSpan == kThreads);
  static constexpr int kRows = kThreads / kSpan;  // that a block walks at a time

  static __device__ int rank() { return static_cast<int>(threadIdx.x) % kSpan; }
  static __device__ int64_t first_row() {
    return int64_t{blockIdx.x} * kRows + static_cast<int>(threadIdx.x) / kSpan;
  }
  static __device__ int64_t row_step() { return int64_t{gridDim.x} * kRows; }

  // Over the values of all its threads; every thread gets the result.
  template <class T>
  static __device__ T sum(T x) {
    return over_warps(warp_sum(x), [](T p, T q) { return p + q; });
  }
  template <class T>
  static __device__ T max(T x) {
    return over_warps(warp_max(x), [](T p, T q) { return q > p ? q : p; });
  }

 private:
  template <class T, class Join>
  static __device__ T over_warps(T x, Join join) {
    if constexpr (kSpan > kWarp) {
      __shared__ T parts[kThreads / kWarp];
      __syncthreads();  // the parts of the call before have been read
      if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = x;
      __syncthreads();
      x = parts[0];
#pragma unroll
      for (int warp = 1; warp < kThreads / kWarp; ++warp) x = join(x, parts[warp]);
    }
    return x;
  }
};

// Calls body(team, blocks): a warp a row, or a block a row where rows are long.
template <class Body>
void with_team(const Context& c, int64_t rows, int64_t cols, Body&& body) {
  const auto launch = [&](auto team) { body(team, grid_for(c, rows, decltype(team)::kRows)); };
  if (cols <= 1024) {
    launch(Team<kWarp>{});
  } else {
    launch(Team<kThreads>{});
  }
}

// The sum of exp(x - top) over a row, with top its largest element.
template <class T>
struct ExpSum {
  T top;
  double sum;
};

// In one pass: what has been summed is scaled down when a larger element comes.
template <int kSpan, class T>
__device__ ExpSum<T> exp_sum(Team<kSpan> team, const T* row, int64_t cols) {  // row: [cols]
  constexpr int kCount = 4;
  T top = std::numeric_limits<T>::lowest();
  double sum = 0;
  for (int64_t begin = team.rank(); begin < cols; begin += kCount * kSpan) {
    T x[kCount], next = top;
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      const int64_t i = begin + k * kSpan;
      x[k] = i < cols ? row[i] : -std::numeric_limits<T>::infinity();
      next = x[k] > next ? x[k] : next;
    }
    sum *= std::exp(top - next);
#pragma unroll
    for (int k = 0; k < kCount; ++k) sum += std::exp(x[k] - next);
    top = next;
  }
  const T highest = team.max(top);
  return {highest, team.sum(sum * std::exp(top - highest))};
}

}  // namespace octet::cuda
