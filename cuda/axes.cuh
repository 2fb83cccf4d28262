// Strided index spaces.
#pragma once

#include <cstdint>

#include "core/shape.h"

namespace octet::cuda {

// Up to six axes, outermost first, that two arrays walk in row-major order with strides of their own. Axes of
// size 1 are left out, and neighbours that both arrays walk evenly are one: most spaces have one axis or two.
struct Axes {
  static constexpr int kMaxRank = Shape::kMaxRank;

  int rank = 0;
  int64_t size[kMaxRank] = {}, a[kMaxRank] = {}, b[kMaxRank] = {};  // strides in elements

  // The next axis inwards.
  void push(int64_t count, int64_t stride_a, int64_t stride_b = 0) {
    if (count == 1) return;
    const int last = rank - 1;
    const bool even = rank > 0 && a[last] == stride_a * count && b[last] == stride_b * count;
    const int at = even ? last : rank++;
    size[at] = even ? size[at] * count : count;
    a[at] = stride_a;
    b[at] = stride_b;
  }

  int64_t numel() const {
    int64_t n = 1;
    for (int axis = 0; axis < rank; ++axis) n *= size[axis];
    return n;
  }

#ifdef __CUDACC__
  // Where element `index` of the space stands in both arrays.
  __device__ void locate(int64_t index, int64_t& at_a, int64_t& at_b) const {
    at_a = at_b = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      const int64_t rest = index / size[axis], here = index - rest * size[axis];
      at_a += here * a[axis];
      at_b += here * b[axis];
      index = rest;
    }
    at_a += index * a[0];
    at_b += index * b[0];
  }
  __device__ int64_t locate(int64_t index) const {
    int64_t at_a, at_b;
    locate(index, at_a, at_b);
    return at_a;
  }
#endif
};

}  // namespace octet::cuda
