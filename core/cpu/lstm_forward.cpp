#include "core/cpu/gemm.h"
#include "core/cpu/lstm_layer.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

template <class T>
struct Cell {
  T *w_ih, *w_hh, *bias, *c0;
  T* input;  // the input's share of the gates: [layer.rows, gates]
  CellMemory<T> memory;
  std::vector<Step> steps;
};

// The recurrence of one direction.
template <class T>
struct Recurrence {
  const Layer& l;
  const Cell<T>& cell;
  const T* h0;  // [batch, hidden] or null
  T* y;

  int64_t width() const { return l.directions * l.hidden; }

  // `rows` packed rows from `row` on, each behind a row of the state before (null: zeros).
  void step(int64_t rows, int64_t row, const T* h_before, const T* c_before) const {
    const CellMemory<T>& m = cell.memory;
    const T* input = l.index ? cell.input : cell.input + row * l.gates();
    cell_forward(CellForward<T>{rows, l.groups(), l.hidden, l.padded, cell.w_hh, cell.bias, h_before, width(),
                                c_before, input, l.index ? l.index + row : nullptr,
                                m.gates ? m.gates + row * l.gates() : nullptr, m.c + row * l.padded,
                                m.gates ? m.tanh_c + row * l.padded : nullptr, y + row * width()});
  }
  void step_behind(int64_t before, int64_t rows, int64_t row) const {
    step(rows, row, y + before * width(), cell.memory.c + before * l.padded);
  }

  void beginning(const Packing& packing) const {
    for (int64_t t = 0; t < packing.shared; ++t) {
      const int64_t* offset = packing.offsets.data() + t;
      if (t == 0) {
        step(1, offset[0], nullptr, nullptr);
      } else {
        step_behind(offset[-1], 1, offset[0]);
      }
    }
  }

  // One row group through all time steps.
  void group(int64_t number) const {
    for (const Step& s : cell.steps) {
      const Range on(l, number, 0, s.continuing), begun(l, number, s.continuing, s.rows);
      if (on.rows > 0) step_behind(s.before + on.begin, on.rows, s.first + on.begin);
      if (begun.rows == 0) continue;
      if (s.parent < 0 && !h0) {
        step(begun.rows, s.first + begun.begin, nullptr, nullptr);
        continue;
      }
      // Rows of h0 lie closer together than those of y, and a parent's row is one for all: one row at a time
      // keeps a single stride.
      for (int64_t i = 0; i < begun.rows; ++i) {
        const int64_t row = begun.begin + i * l.groups();
        if (s.parent >= 0) {
          step_behind(s.parent, 1, s.first + row);
        } else {
          step(1, s.first + row, h0 + row * l.hidden, cell.c0 + row * l.padded);
        }
      }
    }
  }
};

}  // namespace

template <class T>
void forward_layer(const LstmForward& a, const Layer& l, int64_t index, const T* x, T* y,
                   const Reserve<T>* reserve) {
  const auto weight = [&](int64_t direction, int64_t i) {
    return a.weights[static_cast<size_t>(4 * (index * l.directions + direction) + i)].template data<T>();
  };
  std::vector<Tensor> held;
  std::vector<Cell<T>> cells(static_cast<size_t>(l.directions));
  for (int64_t direction = 0; direction < l.directions; ++direction) {
    Cell<T>& cell = cells[static_cast<size_t>(direction)];
    cell.w_ih = workspace<T>(held, l.gates() * l.input);
    cell.w_hh = workspace<T>(held, l.gates() * l.hidden);
    cell.bias = workspace<T>(held, l.gates());
    cell.c0 = a.c0.defined() ? workspace<T>(held, l.batch * l.padded) : nullptr;
    cell.memory = reserve ? reserve->cell(index * l.directions + direction)
                          : CellMemory<T>{nullptr, workspace<T>(held, l.total * l.padded), nullptr};
    // Without an index the gates take the place of the input's share, row by row.
    cell.input = reserve && !l.index ? cell.memory.gates : workspace<T>(held, l.rows * l.gates());
  }

  parallel_for(l.directions, [&](int64_t direction) {
    Cell<T>& cell = cells[static_cast<size_t>(direction)];
    cell.steps = steps_of(*a.packing, direction == 1);
    interleave_rows(l, weight(direction, 0), l.input, cell.w_ih, l.input);
    slabs(l, weight(direction, 1), cell.w_hh);
    std::fill_n(cell.bias, l.gates(), T(0));
    for (int64_t gate = 0; gate < 4; ++gate)
      for (int64_t unit = 0; unit < l.hidden; ++unit)
        cell.bias[l.interleaved(gate, unit)] =
            weight(direction, 2)[gate * l.hidden + unit] + weight(direction, 3)[gate * l.hidden + unit];
    if (cell.c0) pad_rows(l, *a.packing, a.c0, index * l.directions + direction, cell.c0);
  });

  const int64_t chunk = product_rows(l.rows), chunks = (l.rows + chunk - 1) / chunk;
  parallel_for(l.directions * chunks, [&](int64_t task) {
    const Cell<T>& cell = cells[static_cast<size_t>(task % l.directions)];
    const int64_t begin = task / l.directions * chunk, rows = std::min(chunk, l.rows - begin);
    gemm(Gemm<T>{rows, l.gates(), l.input, x + begin * l.input, l.input, false, cell.w_ih, l.input, true,
                 cell.input + begin * l.gates(), l.gates(), false});
  });

  const auto recurrence = [&](int64_t direction) {
    const int64_t number = index * l.directions + direction;
    return Recurrence<T>{l, cells[static_cast<size_t>(direction)],
                         a.h0.defined() ? a.h0.template data<T>() + number * l.batch * l.hidden : nullptr,
                         y + direction * l.hidden};
  };
  recurrence(0).beginning(*a.packing);
  parallel_for(l.directions * l.groups(),
               [&](int64_t task) { recurrence(task % l.directions).group(task / l.directions); });

  // The state after each sequence's last step: at its length going forward, at its first step in reverse.
  for (int64_t direction = 0; direction < l.directions; ++direction) {
    const Recurrence<T> r = recurrence(direction);
    for (int64_t b = 0; b < l.batch; ++b) {
      const int64_t last = direction == 1 ? 0 : a.packing->lengths[static_cast<size_t>(b)] - 1;
      const int64_t row = a.packing->at(b, last),
                    to = ((index * l.directions + direction) * l.batch + b) * l.hidden;
      std::copy_n(r.y + row * r.width(), l.hidden, a.h_n.template data<T>() + to);
      std::copy_n(r.cell.memory.c + row * l.padded, l.hidden, a.c_n.template data<T>() + to);
    }
  }
}

template void forward_layer(const LstmForward&, const Layer&, int64_t, const float*, float*,
                            const Reserve<float>*);
template void forward_layer(const LstmForward&, const Layer&, int64_t, const double*, double*,
                            const Reserve<double>*);

}  // namespace octet::cpu
