// How threads share the elements of a plan: eight consecutive ones a lane, loaded and stored as vectors.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cuda/launch.h"
#include "optim/step.h"

namespace octet::cuda {

using optim::Book;
using optim::SecondMoment;
using optim::StepControl;
using optim::StepPlan;
using optim::StepTensor;

constexpr int kPerLane = 8;  // elements; 32 lanes are a block of 256

// What one load or store takes, and the number of elements in it. Through L2 only: no element is needed
// twice.
template <class T>
using Vector = std::conditional_t<sizeof(T) * kPerLane == sizeof(uint2), uint2, uint4>;
template <class T>
constexpr int kPerVector = sizeof(Vector<T>) / sizeof(T);

// Tensors may be slices that begin at any element.
template <class T>
__device__ bool can_vectorize(const T* x, int valid) {
  return valid == kPerLane && reinterpret_cast<uintptr_t>(x) % sizeof(Vector<T>) == 0;
}

// The first `valid` of eight elements; zeros after them.
template <class T>
__device__ void load(const T* from, int valid, T (&x)[kPerLane]) {
  if (can_vectorize(from, valid)) {
#pragma unroll
    for (int i = 0; i < kPerLane; i += kPerVector<T>) {
      const Vector<T> vector = __ldcg(reinterpret_cast<const Vector<T>*>(from + i));
      std::memcpy(x + i, &vector, sizeof vector);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) x[i] = i < valid ? from[i] : T();
  }
}

template <class T>
__device__ void store(const T (&x)[kPerLane], int valid, T* to) {
  if (can_vectorize(to, valid)) {
#pragma unroll
    for (int i = 0; i < kPerLane; i += kPerVector<T>) {
      Vector<T> vector;
      std::memcpy(&vector, x + i, sizeof vector);
      __stcg(reinterpret_cast<Vector<T>*>(to + i), vector);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
      if (i < valid) to[i] = x[i];
  }
}

// Of a power of two.
__device__ inline int log2_of(int x) { return __ffs(x) - 1; }

// Eight elements of a plan. A plan's positions count the elements of its blocks, the last of a tensor filled
// up.
struct Place {
  int tensor;
  int valid;        // how many of the eight are elements of the tensor; 0 where it has no gradient
  int64_t element;  // the first of them in the tensor
  int64_t block;    // in the tensor
};

// Finds the tensor of one position after another, each behind the last.
class Cursor {
 public:
  // position: a multiple of 8.
  __device__ Place find(const StepPlan& plan, int log_block_size, int64_t position) {
    const int64_t block = position >> log_block_size;
    if (block >= end_) search(plan, block);
    const StepTensor& tensor = plan.tensors[tensor_];
    const int64_t own = block - tensor.first_block;
    const int64_t element = position - (tensor.first_block << log_block_size);
    const int64_t rest = tensor.gradient ? tensor.count - element : 0;
    return {tensor_, rest < 0 ? 0 : rest < kPerLane ? static_cast<int>(rest) : kPerLane, element, own};
  }

 private:
  // The last tensor that begins at the block or before it, and where the next begins.
  __device__ void search(const StepPlan& plan, int64_t block) {
    int after = plan.tensor_count;
    while (after - tensor_ > 1) {
      const int middle = tensor_ + (after - tensor_) / 2;
      (plan.tensors[middle].first_block <= block ? tensor_ : after) = middle;
    }
    end_ = after < plan.tensor_count ? plan.tensors[after].first_block : plan.block_count;
  }

  int tensor_ = 0;
  int64_t end_ = 0;
};

}  // namespace octet::cuda
