// A batch of token sequences, ready for an embedding and an LSTM. On the CPU every token that occurs is
// embedded and multiplied once, through an index; a GPU multiplies all rows faster than it would look them
// up.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/packing.h"
#include "core/tensor.h"

namespace octet {

struct PackedIds {
  PackingPtr packing;
  Tensor ids;    // [n] i32: those that occur, each once and in ascending order, or without an index one a
                 // packed row
  Tensor index;  // [packing->total()] i32: packed row -> position in `ids`; undefined on a GPU
};

// Sequences sorted longest first, none empty, ids not negative. The tensors are made on `device`.
PackedIds pack_ids(std::span<const std::span<const int32_t>> sequences, Device device);

}  // namespace octet
