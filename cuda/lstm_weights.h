// cuDNN keeps all weights of an LSTM in one buffer, the weight space; ours are tensors of their own.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "cuda/context.h"

namespace octet::cuda {

// Elements [from, from + count) of a tensor stand at [at, at + count) of the weight space.
struct WeightPiece {
  size_t tensor;  // in the order of LstmForward::weights
  int64_t from, at, count;
};

// Copies the tensors into the space. Bytes of it that belong to no tensor stay.
void gather_weights(const Context& c, std::span<const WeightPiece> pieces, std::span<const Tensor> weights,
                    const Tensor& space);
// Copies the space into those tensors that are defined.
void scatter_gradients(const Context& c, std::span<const WeightPiece> pieces, const Tensor& space,
                       std::span<const Tensor> dweights);

}  // namespace octet::cuda
