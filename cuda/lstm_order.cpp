#include "cuda/lstm_order.h"

#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

// [rows, columns]
Tensor as_table(const Tensor& x) { return x.reshape({x.rows(), x.cols()}); }

}  // namespace

Tensor gathered(const Tensor& table, const Tensor& ids) {
  const Tensor y = Tensor::like(table, {ids.numel(), table.cols()}, MemoryTag::Workspace);
  embedding_kernels().forward(as_table(table), ids, y);
  return y;
}

Tensor RowOrder::grouped(const Tensor& packed) const {
  return packed.defined() && moves() ? gathered(packed, to_grouped) : packed;
}

Tensor RowOrder::room_for(const Tensor& packed) const {
  return packed.defined() && moves()
             ? Tensor::like(packed, {to_grouped.numel(), packed.cols()}, MemoryTag::Workspace)
             : packed;
}

void RowOrder::deliver(const Tensor& room, const Tensor& packed) const {
  if (packed.defined() && moves()) embedding_kernels().forward(room, to_packed, as_table(packed));
}

}  // namespace octet::cuda
