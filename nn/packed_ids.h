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

// Sequences of at most `length` ids in any order, each filled up to `length` with the id `padding` in front;
// empty ones become padding alone. Where several of them so begin with a run of `padding`, the packing shares
// that beginning (core/packing.h): on the CPU it is computed once for all of them. On a GPU, which takes as
// long for one row as for many, and with `share` off every sequence keeps all its steps.
// Errors: no sequence, a length below 1; (Data) a sequence that is longer, a negative id.
PackedIds pad_ids_left(std::span<const std::span<const int32_t>> sequences, int64_t length, int32_t padding,
                       Device device, bool share = true);

// The same batch for a model whose sequences do not have the same states there: with all their steps.
PackedIds without_sharing(const PackedIds& batch);

}  // namespace octet
