// A batch of token sequences, ready for an embedding and an LSTM: packed, and with every token that occurs
// there once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/packing.h"
#include "core/tensor.h"

namespace octet {

struct PackedIds {
  PackingPtr packing;
  Tensor distinct;  // [n] i32, the ids that occur, each once, in ascending order
  Tensor index;     // [packing->total()] i32: packed row -> position in `distinct`
};

// Sequences sorted longest first, none empty, ids not negative. The tensors are made on `device`.
PackedIds pack_ids(std::span<const std::span<const int32_t>> sequences, Device device);

}  // namespace octet
