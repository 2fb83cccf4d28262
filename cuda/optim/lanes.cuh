// How threads share the elements of a plan: eight a lane, in two groups of four that are loaded and stored as
// vectors.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "cuda/launch.h"
#include "optim/step.h"

namespace octet::cuda {

using optim::Book;
using optim::Encoding;
using optim::StepControl;
using optim::StepPlan;
using optim::StepTensor;

constexpr int kPerLane = 8;  // elements; 32 lanes are a block of 256
constexpr int kGroup = 4;

// From a lane's first group to its second. Where a warp's 256 elements are of one quantization block, its
// lanes' first groups stand side by side, and then the second ones: each load or store of a warp is one
// stretch of memory. In smaller blocks a lane's eight elements must stay together.
__host__ __device__ constexpr int group_stride(int block_size) {
  return block_size >= kWarp * kPerLane ? kWarp * kGroup : kGroup;
}

// Where this thread's elements begin among those of its block of threads.
__device__ inline int64_t first_of_lane(int stride) {
  const int64_t thread = threadIdx.x;
  return stride == kGroup ? thread * kPerLane : thread / kWarp * (kWarp * kPerLane) + thread % kWarp * kGroup;
}

// What one load or store takes, and the number of elements in it. Through L2 only: no element is needed
// twice.
template <class T>
using Vector = std::conditional_t<sizeof(T) == 1, uint32_t, std::conditional_t<sizeof(T) == 2, uint2, uint4>>;
template <class T>
constexpr int kPerVector = sizeof(Vector<T>) / sizeof(T);

// How many of each group's elements there are.
struct Valid {
  int of[kPerLane / kGroup];

  // `rest`: elements from the first on.
  __device__ Valid(int64_t rest, int stride) {
#pragma unroll
    for (int g = 0; g < kPerLane / kGroup; ++g)
      of[g] = static_cast<int>(min(max(rest - g * stride, int64_t{0}), int64_t{kGroup}));
  }
  __device__ bool any() const { return of[0] > 0; }
  __device__ bool operator[](int i) const { return i % kGroup < of[i / kGroup]; }
};

// Tensors may be slices that begin at any element.
template <class T>
__device__ bool can_vectorize(const T* x, int valid) {
  return valid == kGroup && reinterpret_cast<uintptr_t>(x) % sizeof(Vector<T>) == 0;
}

// Those of the eight elements that there are; zeros in place of the others.
template <class T>
__device__ void load(const T* from, int stride, const Valid& valid, T (&x)[kPerLane]) {
#pragma unroll
  for (int g = 0; g < kPerLane; g += kGroup, from += stride) {
    if (can_vectorize(from, valid.of[g / kGroup])) {
#pragma unroll
      for (int i = 0; i < kGroup; i += kPerVector<T>) {
        const Vector<T> vector = __ldcg(reinterpret_cast<const Vector<T>*>(from + i));
        std::memcpy(x + g + i, &vector, sizeof vector);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i) x[g + i] = valid[g + i] ? from[i] : T();
    }
  }
}

template <class T>
__device__ void store(const T (&x)[kPerLane], int stride, const Valid& valid, T* to) {
#pragma unroll
  for (int g = 0; g < kPerLane; g += kGroup, to += stride) {
    if (can_vectorize(to, valid.of[g / kGroup])) {
#pragma unroll
      for (int i = 0; i < kGroup; i += kPerVector<T>) {
        Vector<T> vector;
        std::memcpy(&vector, x + g + i, sizeof vector);
        __stcg(reinterpret_cast<Vector<T>*>(to + i), vector);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kGroup; ++i)
        if (valid[g + i]) to[i] = x[g + i];
    }
  }
}

// Calls body(slot) for each slot of a rule, the slot being a constant.
template <class Rule, class Body>
__device__ void for_each_slot(const Body& body) {
  [&]<int... kSlot>(std::integer_sequence<int, kSlot...>) {
    (body(std::integral_constant<int, kSlot>()), ...);
  }
  (std::make_integer_sequence<int, optim::slot_count<Rule>>());
}

// Of a power of two.
__device__ inline int log2_of(int x) { return __ffs(x) - 1; }

// A lane's elements of a plan. A plan's positions count the elements of its blocks, the last of a tensor
// filled up.
struct Place {
  int tensor;
  int64_t element;  // the first of them in the tensor
  int64_t block;    // in the tensor
  Valid valid;      // which are elements of the tensor; none where it has no gradient
};

// Finds the tensor of one position after another, each behind the last.
class Cursor {
 public:
  // position: a multiple of 4.
  __device__ Place find(const StepPlan& plan, int log_block_size, int64_t position, int stride) {
    const int64_t block = position >> log_block_size;
    if (block >= end_) search(plan, block);
    const StepTensor& tensor = plan.tensors[tensor_];
    const int64_t own = block - tensor.first_block;
    const int64_t element = position - (tensor.first_block << log_block_size);
    return {tensor_, element, own, Valid(tensor.gradient ? tensor.count - element : 0, stride)};
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
