// Weights may be stored in BF16 where the operation that takes them computes in f32.
#pragma once

#include <vector>

#include "core/backend.h"
#include "core/kernels.h"
#include "core/tensor.h"

namespace octet {

// Whether an operation on values of type `values` takes a weight of type `weight`: of the same, or BF16
// beside f32.
inline bool is_weight_for(DType values, DType weight) {
  return values != DType::BF16 && values == computed_as(weight);
}

// What a kernel is given for a weight: itself, or an f32 copy. An operation keeps the weight and makes the
// copy for each call of a kernel, so that it is gone right after, not there from forward to backward.
inline Tensor widened(const Tensor& weight) {
  const DType computed = computed_as(weight.dtype());
  return computed == weight.dtype() ? weight : weight.to(computed, MemoryTag::Workspace);
}
// All in one call of a kernel.
inline std::vector<Tensor> widened(const std::vector<Tensor>& weights) {
  std::vector<Tensor> all = weights, narrow, wide;
  for (Tensor& weight : all) {
    if (weight.dtype() != DType::BF16) continue;
    narrow.push_back(weight);
    weight = Tensor::empty(weight.shape(), DType::F32, weight.device(), MemoryTag::Workspace);
    wide.push_back(weight);
  }
  if (!narrow.empty()) kernels(narrow.front().device()).memory.widen(narrow, wide);
  return all;
}

}  // namespace octet
