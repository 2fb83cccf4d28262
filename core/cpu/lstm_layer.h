// Sizes and layouts that the forward and the backward pass of the CPU's LSTM share.
#pragma once

#include <algorithm>
#include <vector>

#include "core/cpu/lstm_cell.h"
#include "core/kernels.h"

namespace octet::cpu {

constexpr int64_t kRowGroup = 36;  // rows of a task of the recurrence at most: six tiles of six

inline int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Sizes of one layer, and where a gate's row stands when interleaved.
struct Layer {
  int64_t input, hidden, padded, lanes, total, batch, directions;
  int64_t rows;          // of the input: total, or fewer with an index
  const int32_t* index;  // packed row -> row of the input, or null

  int64_t gates() const { return 4 * padded; }
  int64_t interleaved(int64_t gate, int64_t unit) const {
    return unit / lanes * 4 * lanes + gate * lanes + unit % lanes;
  }
  int64_t groups() const { return (batch + kRowGroup - 1) / kRowGroup; }
};

template <class T>
Layer layer_of(const LstmConfig& config, const Packing& packing, int64_t index, const Tensor& x = {},
               const Tensor& rows = {}) {
  const int64_t lanes = cell_lanes<T>();
  const bool indexed = index == 0 && rows.defined();
  return {config.input_of(index),
          config.hidden,
          round_up(config.hidden, lanes),
          lanes,
          packing.total(),
          packing.batch(),
          config.directions(),
          indexed ? x.size(0) : packing.total(),
          indexed ? rows.data<int32_t>() : nullptr};
}

// What forward leaves of one cell for backward.
template <class T>
struct CellMemory {
  T *gates, *c, *tanh_c;
};

// What forward leaves for backward, cell after cell and then the outputs of all layers but the last.
template <class T>
struct Reserve {
  T* base;
  Layer layer;
  int64_t cells;

  int64_t cell_size() const { return layer.total * 6 * layer.padded; }
  CellMemory<T> cell(int64_t number) const {
    T* gates = base + number * cell_size();
    return {gates, gates + layer.total * 4 * layer.padded, gates + layer.total * 5 * layer.padded};
  }
  T* y(int64_t index) const { return base + cells * cell_size() + index * y_size(); }
  int64_t y_size() const { return layer.total * layer.directions * layer.hidden; }
  int64_t size(int64_t layers) const { return cells * cell_size() + (layers - 1) * y_size(); }
};

// One step of a direction's recurrence: its first row among the packed ones, and how many rows go on from the
// step before. The rest begin here, behind the packed row `parent` of a shared beginning or, if that is -1,
// from the initial state.
struct Step {
  int64_t first, rows, before, continuing, parent;
};

// A shared beginning's own rows are not among them.
inline std::vector<Step> steps_of(const Packing& packing, bool reverse) {
  std::vector<Step> steps;
  const int64_t count = packing.steps();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t t = reverse ? count - 1 - i : i, first = packing.own(t),
                  rows = packing.offsets[static_cast<size_t>(t) + 1] - first;
    steps.push_back({first, rows, i ? steps.back().first : 0, i ? std::min(rows, steps.back().rows) : 0,
                     packing.shared && t > 0 ? packing.offsets[static_cast<size_t>(t) - 1] : -1});
  }
  return steps;
}

// Of the rows [low, high) of a step those of a group: every groups-th, because rows are sorted by length and
// the groups should have equal work.
struct Range {
  int64_t begin, rows;
  Range(const Layer& l, int64_t group, int64_t low, int64_t high)
      : begin(low + (group - low % l.groups() + l.groups()) % l.groups()),
        rows(begin < high ? (high - begin + l.groups() - 1) / l.groups() : 0) {}
};

template <class T>
T* workspace(std::vector<Tensor>& held, int64_t elements) {
  held.push_back(Tensor::empty({elements}, dtype_of<T>, Device::cpu(), MemoryTag::Workspace));
  return held.back().data<T>();
}

// weight [4H, cols] with its gate rows interleaved and padded: [4 * padded, cols].
template <class T>
void interleave_rows(const Layer& l, const T* weight, int64_t cols, T* to, int64_t to_cols) {
  std::fill_n(to, l.gates() * to_cols, T(0));
  for (int64_t gate = 0; gate < 4; ++gate)
    for (int64_t unit = 0; unit < l.hidden; ++unit)
      std::copy_n(weight + (gate * l.hidden + unit) * cols, cols, to + l.interleaved(gate, unit) * to_cols);
}

template <class T>
void restore_rows(const Layer& l, const T* from, int64_t cols, T* weight) {
  for (int64_t gate = 0; gate < 4; ++gate)
    for (int64_t unit = 0; unit < l.hidden; ++unit)
      std::copy_n(from + l.interleaved(gate, unit) * cols, cols, weight + (gate * l.hidden + unit) * cols);
}

// The recurrent weights as forward reads them: block after block of units, [hidden][4 * lanes] each.
template <class T>
void slabs(const Layer& l, const T* w_hh, T* to) {
  std::fill_n(to, l.gates() * l.hidden, T(0));
  for (int64_t gate = 0; gate < 4; ++gate)
    for (int64_t unit = 0; unit < l.hidden; ++unit) {
      T* column = to + unit / l.lanes * 4 * l.lanes * l.hidden + gate * l.lanes + unit % l.lanes;
      const T* row = w_hh + (gate * l.hidden + unit) * l.hidden;
      for (int64_t k = 0; k < l.hidden; ++k) column[k * 4 * l.lanes] = row[k];
    }
}

// Initial or last states of a cell, [batch, hidden], as rows of `padded` in the order of a step's rows; zeros
// if there are none.
template <class T>
void pad_rows(const Layer& l, const Packing& packing, const Tensor& state, int64_t cell, T* to) {
  std::fill_n(to, l.batch * l.padded, T(0));
  if (!state.defined()) return;
  const T* from = state.data<T>() + cell * l.batch * l.hidden;
  for (int64_t row = 0; row < l.batch; ++row)
    std::copy_n(from + row * l.hidden, l.hidden,
                to + (packing.shared ? packing.place[static_cast<size_t>(row)] : row) * l.padded);
}

template <class T>
void unpad_rows(const Layer& l, const T* from, int64_t cell, const Tensor& state) {
  if (!state.defined()) return;
  T* to = state.data<T>() + cell * l.batch * l.hidden;
  for (int64_t row = 0; row < l.batch; ++row)
    std::copy_n(from + row * l.padded, l.hidden, to + row * l.hidden);
}

// Input rows or gate rows of one task of a matrix product: at most eight tasks, and none too small to be
// worth packing the other operand for.
inline int64_t product_rows(int64_t rows) { return std::max<int64_t>(128, round_up((rows + 3) / 4, 16)); }

template <class T>
void forward_layer(const LstmForward& args, const Layer& layer, int64_t index, const T* x, T* y,
                   const Reserve<T>* reserve);
// dy null: nothing flows back into the output; dx null: not wanted.
template <class T>
void backward_layer(const LstmBackward& args, const Layer& layer, int64_t index, const T* x, const T* y,
                    const T* dy, T* dx, const Reserve<T>& reserve);

}  // namespace octet::cpu
