// Brings rows of tensors on the device into the order of a batch's groups (lstm_groups.h), and back.
#pragma once

#include "core/tensor.h"

namespace octet::cuda {

// y[i] = table[ids[i]], zeros where that is -1; a tensor of its own. ids: [n]; y: [n, columns of the table]
Tensor gathered(const Tensor& table, const Tensor& ids);

// Where nothing has to be moved, both maps are undefined and every function passes tensors on as they are.
struct RowOrder {
  Tensor to_grouped, to_packed;

  bool moves() const { return to_grouped.defined(); }
  // Undefined stays undefined.
  Tensor grouped(const Tensor& packed) const;
  // Memory for a result that goes to `packed` later.
  Tensor room_for(const Tensor& packed) const;
  void deliver(const Tensor& room, const Tensor& packed) const;
};

}  // namespace octet::cuda
