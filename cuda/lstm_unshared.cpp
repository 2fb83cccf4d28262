#include "cuda/lstm_unshared.h"

#include <vector>

#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

// A row of all sequences' steps stands for each packed row, and packed rows for all rows.
struct Rows {
  std::vector<int32_t> row_of;      // [packed rows]
  std::vector<int32_t> packed_row;  // [all rows]
  std::vector<int32_t> once;        // [all rows]: the packed row where this row stands for it, else -1

  explicit Rows(const Packing& packing)
      : row_of(static_cast<size_t>(packing.total()), -1),
        packed_row(static_cast<size_t>(packing.batch() * packing.steps())),
        once(packed_row.size(), -1) {
    for (int64_t step = 0; step < packing.steps(); ++step)
      for (int64_t sequence = 0; sequence < packing.batch(); ++sequence) {
        const int64_t row = step * packing.batch() + sequence, packed = packing.at(sequence, step);
        packed_row[static_cast<size_t>(row)] = static_cast<int32_t>(packed);
        int32_t& standing = row_of[static_cast<size_t>(packed)];
        if (standing >= 0) continue;
        standing = static_cast<int32_t>(row);
        once[static_cast<size_t>(row)] = static_cast<int32_t>(packed);
      }
  }
};

Tensor on_device(const std::vector<int32_t>& rows, Device device) {
  return Tensor::from(rows, {static_cast<int64_t>(rows.size())}, device, MemoryTag::Workspace);
}

// Row i of the result is row rows[i] of x; zeros for -1.
Tensor gathered(const Tensor& x, const Tensor& rows) {
  Tensor y = Tensor::like(x, {rows.numel(), x.cols()}, MemoryTag::Workspace);
  embedding_kernels().forward(x, rows, y);
  return y;
}

// [all rows, input]
Tensor all_inputs(const Tensor& x, const Tensor& index, const Tensor& packed_row) {
  return gathered(index.defined() ? gathered(x, index) : x, packed_row);
}

int64_t aligned(int64_t bytes) { return (bytes + 255) / 256 * 256; }

int64_t bytes_of_y(const LstmConfig& config, const Packing& packing, DType dtype) {
  return packing.batch() * packing.steps() * config.directions() * config.hidden * size_of(dtype);
}

// The outputs of all rows stand in the reserve behind what the LSTM keeps there, as backward needs them.
Tensor all_outputs(const LstmConfig& config, const Packing& packing, const Tensor& y, const Tensor& reserve,
                   int64_t inner) {
  const Shape shape = {packing.batch() * packing.steps(), y.cols()};
  if (!reserve.defined()) return Tensor::like(y, shape, MemoryTag::Workspace);
  const int64_t begin = aligned(inner);
  return reserve.slice_rows(begin, begin + bytes_of_y(config, packing, y.dtype())).view(y.dtype(), shape);
}

}  // namespace

PackingPtr unshared(const Packing& packing) { return Packing::of(packing.lengths); }

int64_t unshared_reserve(int64_t inner, const LstmConfig& config, const Packing& packing, DType dtype) {
  return aligned(inner) + bytes_of_y(config, packing, dtype);
}

UnsharedForward::UnsharedForward(const LstmForward& shared, int64_t inner) : args(shared), y_(shared.y) {
  const Rows rows(*shared.packing);
  const Device device = shared.x.device();
  row_of_ = on_device(rows.row_of, device);
  args.packing = unshared(*shared.packing);
  args.x = all_inputs(shared.x, shared.index, on_device(rows.packed_row, device));
  args.index = Tensor();
  args.y = all_outputs(shared.config, *shared.packing, shared.y, shared.reserve, inner);
  if (shared.reserve.defined()) args.reserve = shared.reserve.slice_rows(0, inner);
}

void UnsharedForward::finish() const { embedding_kernels().forward(args.y, row_of_, y_); }

UnsharedBackward::UnsharedBackward(const LstmBackward& shared, int64_t inner)
    : args(shared), dx_(shared.dx), index_(shared.index), total_(shared.packing->total()) {
  const Rows rows(*shared.packing);
  const Device device = shared.x.device();
  packed_row_ = on_device(rows.packed_row, device);
  args.packing = unshared(*shared.packing);
  args.x = all_inputs(shared.x, shared.index, packed_row_);
  args.index = Tensor();
  args.y = all_outputs(shared.config, *shared.packing, shared.y, shared.reserve, inner);
  args.reserve = shared.reserve.slice_rows(0, inner);
  if (shared.dy.defined()) args.dy = gathered(shared.dy, on_device(rows.once, device));
  if (shared.dx.defined()) args.dx = Tensor::like(args.x, MemoryTag::Workspace);
}

void UnsharedBackward::finish() const {
  if (!dx_.defined()) return;
  const Tensor packed =
      index_.defined() ? Tensor::like(dx_, {total_, dx_.cols()}, MemoryTag::Workspace) : dx_;
  embedding_kernels().backward(packed_row_, args.dx, -1, packed);
  if (index_.defined()) embedding_kernels().backward(index_, packed, -1, dx_);
}

}  // namespace octet::cuda
