#include "core/cpu/gemm.h"
#include "core/cpu/lstm_layer.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

template <class T>
struct Cell {
  T *w_ih, *w_hh, *dh, *dc, *c0, *h_before, *dw_ih, *dw_hh;
  T* dinput;  // [layer.rows, gates]: the gradient of the input's share of the gates
  CellMemory<T> memory;
  std::vector<Step> steps;
};

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

// The recurrence backwards for one row group of one direction. dh and dc hold what flows into each row's
// state from later steps: at first the gradient of its last state, at the end that of its first.
template <class T>
void recur(const Layer& l, const Cell<T>& cell, int64_t group, const T* dy) {
  const int64_t width = l.directions * l.hidden;
  const CellMemory<T>& m = cell.memory;
  const auto run = [&](const Step& step, const Range& range, const T* c_before) {
    if (range.rows <= 0) return;
    const int64_t row = step.first + range.begin;
    cell_backward(CellBackward<T>{range.rows, l.hidden, l.padded, cell.w_hh, dy ? dy + row * width : nullptr,
                                  width, c_before, m.tanh_c + row * l.padded, m.gates + row * l.gates(),
                                  cell.dh + range.begin * l.padded, cell.dc + range.begin * l.padded});
  };
  for (auto step = cell.steps.rbegin(); step != cell.steps.rend(); ++step) {
    const Range on(group, 0, step->continuing), begun(group, step->continuing, step->rows);
    run(*step, on, m.c + (step->before + on.begin) * l.padded);
    run(*step, begun, cell.c0 ? cell.c0 + begun.begin * l.padded : nullptr);
  }
}

// With an index, the gradients of equal input rows are added up, in packed order. Columns [begin, end) of the
// gates.
template <class T>
void add_by_index(const Layer& l, const T* gates, T* dinput, int64_t begin, int64_t end) {
  for (int64_t row = 0; row < l.rows; ++row)
    std::fill(dinput + row * l.gates() + begin, dinput + row * l.gates() + end, T(0));
  for (int64_t i = 0; i < l.total; ++i) {
    T* to = dinput + l.index[i] * l.gates();
    const T* from = gates + i * l.gates();
    for (int64_t c = begin; c < end; ++c) to[c] += from[c];
  }
}

}  // namespace

template <class T>
void backward_layer(const LstmBackward& a, const Layer& l, int64_t index, const T* x, const T* y, const T* dy,
                    T* dx, const Reserve<T>& reserve) {
  const auto number_of = [&](int64_t direction) { return index * l.directions + direction; };
  const auto part = [&](std::span<const Tensor> all, int64_t direction, int64_t i) -> const Tensor& {
    return all[static_cast<size_t>(4 * number_of(direction) + i)];
  };
  std::vector<Tensor> held;
  std::vector<Cell<T>> cells(static_cast<size_t>(l.directions));
  for (int64_t direction = 0; direction < l.directions; ++direction) {
    Cell<T>& cell = cells[static_cast<size_t>(direction)];
    cell.w_ih = workspace<T>(held, l.gates() * l.input);
    cell.w_hh = workspace<T>(held, l.gates() * l.padded);
    cell.dh = workspace<T>(held, l.batch * l.padded);
    cell.dc = workspace<T>(held, l.batch * l.padded);
    cell.c0 = a.c0.defined() ? workspace<T>(held, l.batch * l.padded) : nullptr;
    cell.h_before = workspace<T>(held, l.total * l.hidden);
    cell.dw_ih = workspace<T>(held, l.gates() * l.input);
    cell.dw_hh = workspace<T>(held, l.gates() * l.hidden);
    cell.memory = reserve.cell(number_of(direction));
    cell.dinput = l.index ? workspace<T>(held, l.rows * l.gates()) : cell.memory.gates;
  }

  parallel_for(l.directions, [&](int64_t direction) {
    Cell<T>& cell = cells[static_cast<size_t>(direction)];
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

  parallel_for(l.directions * l.groups(), [&](int64_t task) {
    const int64_t direction = task % l.directions;
    recur(l, cells[static_cast<size_t>(direction)], task / l.directions,
          dy ? dy + direction * l.hidden : nullptr);
  });

  // Everything that is a sum over rows, in tasks of gate rows.
  constexpr int64_t kGateRows = 128;
  const int64_t gate_chunks = (l.gates() + kGateRows - 1) / kGateRows;
  std::vector<T> sums(static_cast<size_t>(l.directions * l.gates()));
  parallel_for(l.directions * gate_chunks, [&](int64_t task) {
    const int64_t direction = task % l.directions, begin = task / l.directions * kGateRows;
    const int64_t rows = std::min(kGateRows, l.gates() - begin);
    const Cell<T>& cell = cells[static_cast<size_t>(direction)];
    const T* gates = cell.memory.gates + begin;
    if (l.index) add_by_index(l, cell.memory.gates, cell.dinput, begin, begin + rows);
    if (part(a.dweights, direction, 0).defined())
      gemm(Gemm<T>{rows, l.input, l.rows, cell.dinput + begin, l.gates(), true, x, l.input, false,
                   cell.dw_ih + begin * l.input, l.input, false});
    if (part(a.dweights, direction, 1).defined())
      gemm(Gemm<T>{rows, l.hidden, l.total, gates, l.gates(), true, cell.h_before, l.hidden, false,
                   cell.dw_hh + begin * l.hidden, l.hidden, false});
    const T* dinput = cell.dinput + begin;
    T* sum = sums.data() + direction * l.gates() + begin;
    for (int64_t row = 0; row < l.rows; ++row)
      for (int64_t i = 0; i < rows; ++i) sum[i] += dinput[row * l.gates() + i];
  });

  if (dx)
    parallel_ranges(l.rows, product_rows(l.rows), [&](int64_t begin, int64_t end) {
      for (int64_t direction = 0; direction < l.directions; ++direction) {
        const Cell<T>& cell = cells[static_cast<size_t>(direction)];
        gemm(Gemm<T>{end - begin, l.input, l.gates(), cell.dinput + begin * l.gates(), l.gates(), false,
                     cell.w_ih, l.input, false, dx + begin * l.input, l.input, direction > 0});
      }
    });

  for (int64_t direction = 0; direction < l.directions; ++direction) {
    const Cell<T>& cell = cells[static_cast<size_t>(direction)];
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

template void backward_layer(const LstmBackward&, const Layer&, int64_t, const float*, const float*,
                             const float*, float*, const Reserve<float>&);
template void backward_layer(const LstmBackward&, const Layer&, int64_t, const double*, const double*,
                             const double*, double*, const Reserve<double>&);

}  // namespace octet::cpu
