#include "core/cpu/gemm.h"
#include "core/cpu/lstm_layer.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

template <class T>
struct Cell {
  T *w_ih, *w_hh, *c0, *h_before, *dw_ih, *dw_hh;
  T *dh, *dc;  // [batch + 1, padded]: the last row is that of a shared beginning
  T* dinput;   // [layer.rows, gates]: the gradient of the input's share of the gates
  CellMemory<T> memory;
  std::vector<Step> steps;
};

// The output of the step before, for every packed row: what the recurrent weights were multiplied with.
template <class T>
void outputs_before(const Layer& l, const Packing& packing, const std::vector<Step>& steps, const T* y,
                    const T* h0, T* to) {
  const int64_t width = l.directions * l.hidden;
  if (packing.shared) std::fill_n(to, l.hidden, T(0));
  for (int64_t t = 1; t < packing.shared; ++t) {
    const int64_t* offset = packing.offsets.data() + t;
    std::copy_n(y + offset[-1] * width, l.hidden, to + offset[0] * l.hidden);
  }
  for (const Step& step : steps)
    for (int64_t row = 0; row < step.rows; ++row) {
      T* target = to + (step.first + row) * l.hidden;
      if (row < step.continuing) {
        std::copy_n(y + (step.before + row) * width, l.hidden, target);
      } else if (step.parent >= 0) {
        std::copy_n(y + step.parent * width, l.hidden, target);
      } else if (h0) {
        std::copy_n(h0 + row * l.hidden, l.hidden, target);
      } else {
        std::fill_n(target, l.hidden, T(0));
      }
    }
}

// The recurrence of one direction backwards. dh and dc hold what flows into each row's state from later
// steps: at first the gradient of its last state, at the end that of its first.
template <class T>
struct Recurrence {
  const Layer& l;
  const Cell<T>& cell;
  const T* dy;  // null: nothing flows back into the outputs

  // `rows` packed rows from `row` on, whose state's gradients begin at row `state` of dh and dc.
  void step(int64_t rows, int64_t row, int64_t state, const T* c_before) const {
    const CellMemory<T>& m = cell.memory;
    const int64_t width = l.directions * l.hidden;
    if (rows > 0)
      cell_backward(CellBackward<T>{rows, l.groups(), l.hidden, l.padded, cell.w_hh,
                                    dy ? dy + row * width : nullptr, width, c_before,
                                    m.tanh_c + row * l.padded, m.gates + row * l.gates(),
                                    cell.dh + state * l.padded, cell.dc + state * l.padded});
  }

  // One row group.
  void group(int64_t number) const {
    const T* c = cell.memory.c;
    for (auto s = cell.steps.rbegin(); s != cell.steps.rend(); ++s) {
      const Range on(l, number, 0, s->continuing), begun(l, number, s->continuing, s->rows);
      step(on.rows, s->first + on.begin, on.begin, c + (s->before + on.begin) * l.padded);
      if (s->parent < 0) {
        step(begun.rows, s->first + begun.begin, begun.begin,
             cell.c0 ? cell.c0 + begun.begin * l.padded : nullptr);
      } else {
        for (int64_t i = 0; i < begun.rows; ++i) {  // one row of c is all rows' state before
          const int64_t row = begun.begin + i * l.groups();
          step(1, s->first + row, row, c + s->parent * l.padded);
        }
      }
    }
  }

  // The shared beginning, once all groups have come to it.
  void beginning(const Packing& packing) const {
    T *dh = cell.dh + l.batch * l.padded, *dc = cell.dc + l.batch * l.padded;
    for (int64_t t = packing.shared - 1; t >= 0; --t) {
      const Step& next = cell.steps[static_cast<size_t>(t) + 1];
      for (int64_t row = next.continuing; row < next.rows; ++row)  // that left it here
        for (int64_t i = 0; i < l.padded; ++i) {
          dh[i] += cell.dh[row * l.padded + i];
          dc[i] += cell.dc[row * l.padded + i];
        }
      const int64_t* offset = packing.offsets.data() + t;
      step(1, offset[0], l.batch, t ? cell.memory.c + offset[-1] * l.padded : nullptr);
    }
  }
};

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
    cell.dh = workspace<T>(held, (l.batch + 1) * l.padded);
    cell.dc = workspace<T>(held, (l.batch + 1) * l.padded);
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
    pad_rows(l, *a.packing, a.dh_n, number, cell.dh);
    pad_rows(l, *a.packing, a.dc_n, number, cell.dc);
    for (T* gradient : {cell.dh, cell.dc}) std::fill_n(gradient + l.batch * l.padded, l.padded, T(0));
    if (cell.c0) pad_rows(l, *a.packing, a.c0, number, cell.c0);
    outputs_before(l, *a.packing, cell.steps, y + direction * l.hidden,
                   a.h0.defined() ? a.h0.template data<T>() + number * l.batch * l.hidden : nullptr,
                   cell.h_before);
  });

  const auto recurrence = [&](int64_t direction) {
    return Recurrence<T>{l, cells[static_cast<size_t>(direction)], dy ? dy + direction * l.hidden : nullptr};
  };
  parallel_for(l.directions * l.groups(),
               [&](int64_t task) { recurrence(task % l.directions).group(task / l.directions); });
  recurrence(0).beginning(*a.packing);

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
