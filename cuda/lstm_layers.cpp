#include "cuda/lstm_layers.h"

#include <vector>

#include "cuda/check.h"
#include "cuda/kernels.h"
#include "cuda/lstm_cell.h"

namespace octet::cuda {

// The packing of the last call, on the device: all calls of a step have the same.
struct LstmPacking {
  PackingPtr packing;
  Tensor table;  // offsets, lengths
};

namespace {

Sequences sequences(Context& c, const PackingPtr& packing, Device device) {
  auto& known = c.lstm_packing;
  if (!known || (known->packing != packing && known->packing->lengths != packing->lengths)) {
    std::vector<int64_t> table = packing->offsets;
    table.insert(table.end(), packing->lengths.begin(), packing->lengths.end());
    const auto count = static_cast<int64_t>(table.size());
    known = std::make_shared<LstmPacking>(
        LstmPacking{packing, Tensor::from(table, {count}, device, MemoryTag::Workspace)});
  }
  const auto* offsets = known->table.data<int64_t>();
  return {packing->batch(), offsets, offsets + packing->offsets.size()};
}

// What forward leaves for backward: the gates and c of every cell, and the output of every layer but the
// last.
class Reserve {
 public:
  Reserve(const LstmConfig& config, int64_t total, const Tensor& bytes = {})
      : config_(config), total_(total) {
    if (bytes.defined()) memory_ = bytes.view(DType::F32, {this->bytes() / size_of(DType::F32)});
  }
  bool defined() const { return memory_.defined(); }
  int64_t bytes() const { return y_at(config_.layers - 1) * size_of(DType::F32); }
  Tensor gates(int64_t cell) const { return piece(cell * cell_size(), gate_cols()); }
  Tensor c(int64_t cell) const { return piece(cell * cell_size() + size(gate_cols()), config_.hidden); }
  Tensor y(int64_t layer) const { return piece(y_at(layer), y_cols()); }

 private:
  int64_t gate_cols() const { return 4 * config_.hidden; }
  int64_t y_cols() const { return config_.directions() * config_.hidden; }
  // Elements of [total, cols], rounded up so that the next piece is aligned for wide loads.
  int64_t size(int64_t cols) const { return (total_ * cols + 63) / 64 * 64; }
  int64_t cell_size() const { return size(gate_cols()) + size(config_.hidden); }
  int64_t y_at(int64_t layer) const { return config_.cells() * cell_size() + layer * size(y_cols()); }
  Tensor piece(int64_t at, int64_t cols) const {
    return memory_.slice_rows(at, at + total_ * cols).reshape({total_, cols});
  }

  const LstmConfig& config_;
  int64_t total_;
  Tensor memory_;
};

// y = a b (+ bias on every row), either operand transposed.
void product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, const Tensor& y,
             const Tensor& bias = {}) {
  const auto only = [](const Tensor& x) { return x.reshape({1, x.size(0), x.size(1)}); };
  matmul_kernels().batched({only(a), only(b), only(y), bias, transpose_a, transpose_b});
}

Tensor table(const Tensor& like, int64_t rows, int64_t cols) {
  return Tensor::like(like, {rows, cols}, MemoryTag::Workspace);
}

float* data(const Tensor& x) { return x.defined() ? x.data<float>() : nullptr; }

// Of [cells, batch, H].
float* state(const Tensor& states, int64_t cell) {
  return states.defined() ? states.data<float>() + cell * states.size(1) * states.size(2) : nullptr;
}

void forward_layer(const Context& c, const LstmForward& a, const Sequences& sequences, int64_t index,
                   const Tensor& x, const Tensor& y, const Reserve& reserve) {
  const int64_t directions = a.config.directions(), hidden = a.config.hidden;
  const bool indexed = index == 0 && a.index.defined();
  LayerForward layer = {sequences,
                        static_cast<int>(hidden),
                        static_cast<int>(directions),
                        indexed ? a.index.data<int32_t>() : nullptr,
                        x.size(0),
                        c.device_fault,
                        data(y),
                        {}};
  Tensor inputs[2];
  for (int64_t direction = 0; direction < directions; ++direction) {
    const int64_t cell = index * directions + direction;
    const auto weights = a.weights.subspan(static_cast<size_t>(4 * cell), 4);
    const Tensor gates = reserve.defined() ? reserve.gates(cell) : Tensor();
    Tensor& input = inputs[direction];
    // Without an index the gates take the place of their inputs, row by row.
    input = gates.defined() && !indexed ? gates : table(x, x.size(0), 4 * hidden);
    product(x, false, weights[0], true, input, weights[2]);
    layer.cells[direction] = {
        data(weights[1]),   data(weights[3]),  data(input),
        state(a.h0, cell),  state(a.c0, cell), state(a.h_n, cell),
        state(a.c_n, cell), data(gates),       reserve.defined() ? data(reserve.c(cell)) : nullptr};
  }
  recur_forward(c, layer);
}

// Gradients of a direction from those of its gates, dgates: [total, 4H].
struct Direction {
  std::span<const Tensor> weights, dweights;
  Tensor dgates, h_before;
};

// dx is overwritten by the first direction, and added to by the other.
void products_of(const Context& c, const Direction& d, const Tensor& index, const Tensor& x, const Tensor& dx,
                 bool first) {
  const Tensor &dw_ih = d.dweights[0], &dw_hh = d.dweights[1], &db_ih = d.dweights[2], &db_hh = d.dweights[3];
  Tensor dinput = d.dgates;  // of each row of x
  if (index.defined() && (dw_ih.defined() || dx.defined())) {
    dinput = table(x, x.size(0), d.dgates.cols());
    embedding_kernels().backward(index, d.dgates, -1, dinput);
  }
  if (dw_ih.defined()) product(dinput, true, x, false, dw_ih);
  if (dw_hh.defined()) product(d.dgates, true, d.h_before, false, dw_hh);
  if (db_ih.defined() || db_hh.defined()) {  // are equal
    const Tensor& sum = db_ih.defined() ? db_ih : db_hh;
    reduce_kernels().sum_to(d.dgates, 1, sum.reshape({1, sum.numel()}));
    if (db_ih.defined() && db_hh.defined())
      check(cudaMemcpyAsync(db_hh.raw(), db_ih.raw(), static_cast<size_t>(db_ih.bytes()),
                            cudaMemcpyDeviceToDevice, c.stream));
  }
  if (!dx.defined()) return;
  const Tensor part = first ? dx : Tensor::like(dx, MemoryTag::Workspace);
  product(dinput, false, d.weights[0], false, part);
  if (!first) pointwise_kernels().accumulate(part, dx);
}

void backward_layer(const Context& c, const LstmBackward& a, const Sequences& sequences, int64_t index,
                    const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx,
                    const Reserve& reserve) {
  const int64_t directions = a.config.directions(), hidden = a.config.hidden;
  LayerBackward layer = {sequences, static_cast<int>(hidden), static_cast<int>(directions), data(y), data(dy),
                         {}};
  Direction all[2];
  for (int64_t direction = 0; direction < directions; ++direction) {
    const int64_t cell = index * directions + direction;
    const auto first = static_cast<size_t>(4 * cell);
    Direction& d = all[direction];
    d = {a.weights.subspan(first, 4), a.dweights.subspan(first, 4), reserve.gates(cell), {}};
    if (d.dweights[1].defined()) d.h_before = table(y, y.size(0), hidden);
    layer.cells[direction] = {
        data(d.weights[1]), state(a.h0, cell),  state(a.c0, cell), state(a.dh_n, cell),   state(a.dc_n, cell),
        state(a.dh0, cell), state(a.dc0, cell), data(d.dgates),    data(reserve.c(cell)), data(d.h_before)};
  }
  recur_backward(c, layer);
  for (int64_t direction = 0; direction < directions; ++direction)
    products_of(c, all[direction], index == 0 ? a.index : Tensor(), x, dx, direction == 0);
}

}  // namespace

bool layers_take(const Context& c, const LstmConfig& config, DType dtype) {
  return dtype == DType::F32 && cell_fits(c, config.hidden);
}

int64_t layers_reserve(const LstmConfig& config, const Packing& packing) {
  return Reserve(config, packing.total()).bytes();
}

void layers_forward(Context& c, const LstmForward& a) {
  const Sequences on_device = sequences(c, a.packing, a.x.device());
  const int64_t total = a.packing->total(), layers = a.config.layers;
  const Reserve reserve(a.config, total, a.reserve);
  Tensor x = a.x;
  for (int64_t index = 0; index < layers; ++index) {
    const Tensor y = index + 1 == layers ? a.y
                     : reserve.defined() ? reserve.y(index)
                                         : table(x, total, a.config.directions() * a.config.hidden);
    forward_layer(c, a, on_device, index, x, y, reserve);
    x = y;
  }
}

void layers_backward(Context& c, const LstmBackward& a) {
  const Sequences on_device = sequences(c, a.packing, a.x.device());
  const int64_t total = a.packing->total(), layers = a.config.layers;
  const Reserve reserve(a.config, total, a.reserve);
  Tensor dy = a.dy;
  for (int64_t index = layers - 1; index >= 0; --index) {
    const Tensor x = index > 0 ? reserve.y(index - 1) : a.x;
    const Tensor y = index + 1 < layers ? reserve.y(index) : a.y;
    const Tensor dx = index > 0 ? table(x, total, x.cols()) : a.dx;
    backward_layer(c, a, on_device, index, x, y, dy, dx, reserve);
    dy = dx;
  }
}

}  // namespace octet::cuda
