// The LSTM of the CPU: one product for the input's share of all gates of all time steps, a recurrence over
// the rows that are alive (cell by cell, lstm_cell.h), and one product a weight for its gradient. Directions
// and groups of rows run side by side; the groups depend on sizes alone.

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/cpu/backend.h"
#include "core/cpu/gemm.h"
#include "core/cpu/lstm_cell.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

constexpr int64_t kRowGroup = 36;  // rows of a task of the recurrence: six tiles of six

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Sizes of one layer, and where a gate's row stands when interleaved.
struct Layer {
  int64_t input, hidden, padded, lanes, total, batch, directions;

  int64_t gates() const { return 4 * padded; }
  int64_t interleaved(int64_t gate, int64_t unit) const {
    return unit / lanes * 4 * lanes + gate * lanes + unit % lanes;
  }
  int64_t groups() const { return (batch + kRowGroup - 1) / kRowGroup; }
};

template <class T>
Layer layer_of(const LstmConfig& config, const Packing& packing, int64_t index) {
  const int64_t lanes = cell_lanes<T>();
  return {config.input_of(index), config.hidden,      round_up(config.hidden, lanes), lanes, packing.total(),
          packing.batch(),        config.directions()};
}

// What forward leaves for backward, cell after cell and then the outputs of all layers but the last.
template <class T>
struct Reserve {
  T* base;
  Layer layer;
  int64_t cells;

  int64_t cell_size() const { return layer.total * 6 * layer.padded; }
  T* gates(int64_t cell) const { return base + cell * cell_size(); }
  T* c(int64_t cell) const { return gates(cell) + layer.total * 4 * layer.padded; }
  T* tanh_c(int64_t cell) const { return c(cell) + layer.total * layer.padded; }
  T* y(int64_t index) const {
    return base + cells * cell_size() + index * layer.total * layer.directions * layer.hidden;
  }
  int64_t size(int64_t layers) const { return (y(layers - 1) - base); }
};

// One step of a direction's recurrence: its first row among the packed ones, and how many rows go on from the
// step before (the rest begin here).
struct Step {
  int64_t first, rows, before, continuing;
};

std::vector<Step> steps_of(const Packing& packing, bool reverse) {
  std::vector<Step> steps;
  const int64_t count = packing.steps();
  for (int64_t i = 0; i < count; ++i) {
    const auto t = static_cast<size_t>(reverse ? count - 1 - i : i);
    const int64_t rows = packing.batch_sizes[t];
    steps.push_back(
        {packing.offsets[t], rows, i ? steps.back().first : 0, i ? std::min(rows, steps.back().rows) : 0});
  }
  return steps;
}

// Rows [begin, end) of the group cut to the rows [low, high) of a step.
struct Range {
  int64_t begin, rows;
  Range(int64_t group, int64_t low, int64_t high)
      : begin(std::max(group * kRowGroup, low)), rows(std::min((group + 1) * kRowGroup, high) - begin) {}
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

// Initial or last states of a cell, [batch, hidden], as rows of `padded`; zeros if there are none.
template <class T>
void pad_rows(const Layer& l, const Tensor& state, int64_t cell, T* to) {
  std::fill_n(to, l.batch * l.padded, T(0));
  if (!state.defined()) return;
  const T* from = state.data<T>() + cell * l.batch * l.hidden;
  for (int64_t row = 0; row < l.batch; ++row)
    std::copy_n(from + row * l.hidden, l.hidden, to + row * l.padded);
}

template <class T>
void unpad_rows(const Layer& l, const T* from, int64_t cell, const Tensor& state) {
  if (!state.defined()) return;
  T* to = state.data<T>() + cell * l.batch * l.hidden;
  for (int64_t row = 0; row < l.batch; ++row)
    std::copy_n(from + row * l.padded, l.hidden, to + row * l.hidden);
}

template <class T>
void forward_layer(const LstmForward& a, const Layer& l, int64_t index, const T* x, T* y,
                   const Reserve<T>& reserve, bool keep) {
  const int64_t width = l.directions * l.hidden;
  const auto weight = [&](int64_t direction, int64_t i) {
    return a.weights[static_cast<size_t>(4 * (index * l.directions + direction) + i)].template data<T>();
  };
  struct Cell {
    T *w_ih, *w_hh, *bias, *c0;
    std::vector<Step> steps;
  };
  std::vector<Tensor> held;
  std::vector<Cell> cells(static_cast<size_t>(l.directions));
  for (Cell& cell : cells)
    cell = {workspace<T>(held, l.gates() * l.input),
            workspace<T>(held, l.gates() * l.hidden),
            workspace<T>(held, l.gates()),
            a.c0.defined() ? workspace<T>(held, l.batch * l.padded) : nullptr,
            {}};

  parallel_for(l.directions, [&](int64_t direction) {
    Cell& cell = cells[static_cast<size_t>(direction)];
    cell.steps = steps_of(*a.packing, direction == 1);
    interleave_rows(l, weight(direction, 0), l.input, cell.w_ih, l.input);
    slabs(l, weight(direction, 1), cell.w_hh);
    std::fill_n(cell.bias, l.gates(), T(0));
    for (int64_t gate = 0; gate < 4; ++gate)
      for (int64_t unit = 0; unit < l.hidden; ++unit)
        cell.bias[l.interleaved(gate, unit)] =
            weight(direction, 2)[gate * l.hidden + unit] + weight(direction, 3)[gate * l.hidden + unit];
    if (cell.c0) pad_rows(l, a.c0, index * l.directions + direction, cell.c0);
  });

  constexpr int64_t kInputRows = 128;
  const int64_t chunks = (l.total + kInputRows - 1) / kInputRows;
  parallel_for(l.directions * chunks, [&](int64_t task) {
    const int64_t direction = task / chunks, begin = task % chunks * kInputRows;
    const int64_t rows = std::min(kInputRows, l.total - begin);
    T* gates = reserve.gates(index * l.directions + direction) + begin * l.gates();
    gemm(Gemm<T>{rows, l.gates(), l.input, x + begin * l.input, l.input, false,
                 cells[static_cast<size_t>(direction)].w_ih, l.input, true, gates, l.gates(), false});
  });

  parallel_for(l.directions * l.groups(), [&](int64_t task) {
    const int64_t direction = task % l.directions, group = task / l.directions;
    const int64_t number = index * l.directions + direction;
    const Cell& cell = cells[static_cast<size_t>(direction)];
    T *gates = reserve.gates(number), *c = reserve.c(number),
      *tanh_c = keep ? reserve.tanh_c(number) : nullptr;
    const T* h0 = a.h0.defined() ? a.h0.template data<T>() + number * l.batch * l.hidden : nullptr;
    T* out = y + direction * l.hidden;
    const auto run = [&](const Step& step, const Range& range, bool continuing) {
      if (range.rows <= 0) return;
      const int64_t row = step.first + range.begin, before = step.before + range.begin;
      CellForward<T> f = {range.rows,
                          l.hidden,
                          l.padded,
                          cell.w_hh,
                          cell.bias,
                          nullptr,
                          width,
                          nullptr,
                          gates + row * l.gates(),
                          c + row * l.padded,
                          keep ? tanh_c + row * l.padded : nullptr,
                          out + row * width};
      if (continuing) {
        f.h_before = out + before * width;
        f.c_before = c + before * l.padded;
        cell_forward(f);
      } else if (h0) {
        // Rows of h0 lie closer together than those of y: one row at a time keeps a single stride.
        for (int64_t i = 0; i < range.rows; ++i) {
          CellForward<T> one = f;
          one.rows = 1;
          one.h_before = h0 + (range.begin + i) * l.hidden;
          one.c_before = cell.c0 + (range.begin + i) * l.padded;
          one.gates += i * l.gates();
          one.c += i * l.padded;
          if (keep) one.tanh_c += i * l.padded;
          one.h += i * width;
          cell_forward(one);
        }
      } else {
        cell_forward(f);
      }
    };
    for (const Step& step : cell.steps) {
      run(step, Range(group, 0, step.continuing), true);
      run(step, Range(group, step.continuing, step.rows), false);
    }
    // The state after each row's own last step: at its length going forward, at its first step in reverse.
    const Range all(group, 0, l.batch);
    for (int64_t b = all.begin; b < all.begin + all.rows; ++b) {
      const int64_t last = direction == 1 ? 0 : a.packing->lengths[static_cast<size_t>(b)] - 1;
      const int64_t row = a.packing->at(b, last), to = (number * l.batch + b) * l.hidden;
      std::copy_n(out + row * width, l.hidden, a.h_n.template data<T>() + to);
      std::copy_n(c + row * l.padded, l.hidden, a.c_n.template data<T>() + to);
    }
  });
}

template <class T>
void forward(const LstmForward& a) {
  const LstmConfig& config = a.config;
  const bool keep = a.reserve.defined();
  const Layer first = layer_of<T>(config, *a.packing, 0);
  Reserve<T> reserve{nullptr, first, config.cells()};
  std::vector<Tensor> held;
  reserve.base = keep ? static_cast<T*>(a.reserve.raw()) : workspace<T>(held, reserve.size(config.layers));
  const T* x = a.x.data<T>();
  for (int64_t index = 0; index < config.layers; ++index) {
    T* y = index + 1 == config.layers ? a.y.data<T>() : reserve.y(index);
    forward_layer(a, layer_of<T>(config, *a.packing, index), index, x, y, reserve, keep);
    x = y;
  }
}

// The output of the step before, for every packed row: what the recurrent weights were multiplied with.
template <class T>
void outputs_before(const Layer& l, const std::vector<Step>& steps, const T* y, const T* h0, T* to) {
  const int64_t width = l.directions * l.hidden;
  for (const Step& step : steps)
    for (int64_t row = 0; row < step.rows; ++row) {
      T* target = to + (step.first + row) * l.hidden;
      if (row < step.continuing) {
        std::copy_n(y + (step.before + row) * width, l.hidden, target);
      } else if (h0) {
        std::copy_n(h0 + row * l.hidden, l.hidden, target);
      } else {
        std::fill_n(target, l.hidden, T(0));
      }
    }
}

template <class T>
void backward_layer(const LstmBackward& a, const Layer& l, int64_t index, const T* x, const T* y, const T* dy,
                    T* dx, const Reserve<T>& reserve) {
  const int64_t width = l.directions * l.hidden;
  const auto number_of = [&](int64_t direction) { return index * l.directions + direction; };
  const auto part = [&](std::span<const Tensor> all, int64_t direction, int64_t i) -> const Tensor& {
    return all[static_cast<size_t>(4 * number_of(direction) + i)];
  };
  struct Cell {
    T *w_ih, *w_hh, *dh, *dc, *c0, *h_before, *dw_ih, *dw_hh;
    std::vector<Step> steps;
  };
  std::vector<Tensor> held;
  std::vector<Cell> cells(static_cast<size_t>(l.directions));
  for (Cell& cell : cells)
    cell = {workspace<T>(held, l.gates() * l.input),
            workspace<T>(held, l.gates() * l.padded),
            workspace<T>(held, l.batch * l.padded),
            workspace<T>(held, l.batch * l.padded),
            a.c0.defined() ? workspace<T>(held, l.batch * l.padded) : nullptr,
            workspace<T>(held, l.total * l.hidden),
            workspace<T>(held, l.gates() * l.input),
            workspace<T>(held, l.gates() * l.hidden),
            {}};

  parallel_for(l.directions, [&](int64_t direction) {
    Cell& cell = cells[static_cast<size_t>(direction)];
    const int64_t number = number_of(direction);
    cell.steps = steps_of(*a.packing, direction == 1);
    if (dx) interleave_rows(l, part(a.weights, direction, 0).template data<T>(), l.input, cell.w_ih, l.input);
    interleave_rows(l, part(a.weights, direction, 1).template data<T>(), l.hidden, cell.w_hh, l.padded);
    pad_rows(l, a.dh_n, number, cell.dh);
    pad_rows(l, a.dc_n, number, cell.dc);
    if (cell.c0) pad_rows(l, a.c0, number, cell.c0);
    outputs_before(l, cell.steps, y + direction * l.hidden,
                   a.h0.defined() ? a.h0.template data<T>() + number * l.batch * l.hidden : nullptr,
                   cell.h_before);
  });

  // The recurrence backwards. dh and dc hold what flows into each row's state from later steps: at first the
  // gradient of its last state, at the end that of its first.
  parallel_for(l.directions * l.groups(), [&](int64_t task) {
    const int64_t direction = task % l.directions, group = task / l.directions, number = number_of(direction);
    const Cell& cell = cells[static_cast<size_t>(direction)];
    const auto run = [&](const Step& step, const Range& range, const T* c_before) {
      if (range.rows <= 0) return;
      const int64_t row = step.first + range.begin;
      cell_backward(CellBackward<T>{
          range.rows, l.hidden, l.padded, cell.w_hh, dy ? dy + row * width + direction * l.hidden : nullptr,
          width, c_before, reserve.tanh_c(number) + row * l.padded, reserve.gates(number) + row * l.gates(),
          cell.dh + range.begin * l.padded, cell.dc + range.begin * l.padded});
    };
    for (auto step = cell.steps.rbegin(); step != cell.steps.rend(); ++step) {
      const Range on(group, 0, step->continuing), begun(group, step->continuing, step->rows);
      run(*step, on, reserve.c(number) + (step->before + on.begin) * l.padded);
      run(*step, begun, cell.c0 ? cell.c0 + begun.begin * l.padded : nullptr);
    }
  });

  if (dx) {
    constexpr int64_t kInputRows = 128;
    parallel_ranges(l.total, kInputRows, [&](int64_t begin, int64_t end) {
      for (int64_t direction = 0; direction < l.directions; ++direction)
        gemm(Gemm<T>{end - begin, l.input, l.gates(), reserve.gates(number_of(direction)) + begin * l.gates(),
                     l.gates(), false, cells[static_cast<size_t>(direction)].w_ih, l.input, false,
                     dx + begin * l.input, l.input, direction > 0});
    });
  }

  constexpr int64_t kGateRows = 128;
  const int64_t chunks = (l.gates() + kGateRows - 1) / kGateRows;
  std::vector<T> sums(static_cast<size_t>(l.directions * l.gates()));
  parallel_for(l.directions * chunks, [&](int64_t task) {
    const int64_t direction = task / chunks, begin = task % chunks * kGateRows;
    const int64_t rows = std::min(kGateRows, l.gates() - begin);
    const Cell& cell = cells[static_cast<size_t>(direction)];
    const T* gates = reserve.gates(number_of(direction)) + begin;
    if (part(a.dweights, direction, 0).defined())
      gemm(Gemm<T>{rows, l.input, l.total, gates, l.gates(), true, x, l.input, false,
                   cell.dw_ih + begin * l.input, l.input, false});
    if (part(a.dweights, direction, 1).defined())
      gemm(Gemm<T>{rows, l.hidden, l.total, gates, l.gates(), true, cell.h_before, l.hidden, false,
                   cell.dw_hh + begin * l.hidden, l.hidden, false});
    T* sum = sums.data() + direction * l.gates() + begin;
    for (int64_t row = 0; row < l.total; ++row)
      for (int64_t i = 0; i < rows; ++i) sum[i] += gates[row * l.gates() + i];
  });

  for (int64_t direction = 0; direction < l.directions; ++direction) {
    const Cell& cell = cells[static_cast<size_t>(direction)];
    const Tensor &dw_ih = part(a.dweights, direction, 0), &dw_hh = part(a.dweights, direction, 1);
    if (dw_ih.defined()) restore_rows(l, cell.dw_ih, l.input, dw_ih.template data<T>());
    if (dw_hh.defined()) restore_rows(l, cell.dw_hh, l.hidden, dw_hh.template data<T>());
    for (int64_t i = 2; i < 4; ++i)
      if (part(a.dweights, direction, i).defined())
        restore_rows(l, sums.data() + direction * l.gates(), 1,
                     part(a.dweights, direction, i).template data<T>());
    unpad_rows(l, cell.dh, number_of(direction), a.dh0);
    unpad_rows(l, cell.dc, number_of(direction), a.dc0);
  }
}

template <class T>
void backward(const LstmBackward& a) {
  const LstmConfig& config = a.config;
  const Reserve<T> reserve{static_cast<T*>(a.reserve.raw()), layer_of<T>(config, *a.packing, 0),
                           config.cells()};
  const T* dy = a.dy.defined() ? a.dy.data<T>() : nullptr;
  Tensor between;  // the gradient of the layer below's output
  for (int64_t index = config.layers - 1; index >= 0; --index) {
    const Layer layer = layer_of<T>(config, *a.packing, index);
    const Tensor above = between;
    T* dx = nullptr;
    if (index > 0) {
      between = Tensor::empty({layer.total, layer.input}, dtype_of<T>, Device::cpu(), MemoryTag::Workspace);
      dx = between.data<T>();
    } else if (a.dx.defined()) {
      dx = a.dx.data<T>();
    }
    const T* x = index == 0 ? a.x.data<T>() : reserve.y(index - 1);
    const T* y = index + 1 == config.layers ? a.y.data<T>() : reserve.y(index);
    backward_layer(a, layer, index, x, y, dy, dx, reserve);
    dy = dx;
  }
}

}  // namespace

RecurrentKernels recurrent_kernels() {
  return {.lstm_reserve =
              [](const LstmConfig& config, const Packing& packing, DType dtype) {
                return with_float_type(dtype, "lstm", [&](auto zero) {
                  using T = decltype(zero);
                  const Reserve<T> reserve{nullptr, layer_of<T>(config, packing, 0), config.cells()};
                  return reserve.size(config.layers) * size_of(dtype);
                });
              },
          .lstm_forward =
              [](const LstmForward& args) {
                with_float_type(args.x.dtype(), "lstm", [&](auto zero) { forward<decltype(zero)>(args); });
              },
          .lstm_backward =
              [](const LstmBackward& args) {
                with_float_type(args.x.dtype(), "lstm", [&](auto zero) { backward<decltype(zero)>(args); });
              }};
}

}  // namespace octet::cpu
