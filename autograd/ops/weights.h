// Weights may be stored in BF16 where the operation that takes them computes in f32.
#pragma once

#include <vector>

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
inline std::vector<Tensor> widened(const std::vector<Tensor>& weights) {
  std::vector<Tensor> all;
  all.reserve(weights.size());
  for (const Tensor& weight : weights) all.push_back(widened(weight));
  return all;
}

}  // namespace octet
