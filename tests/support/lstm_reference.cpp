#include "tests/support/lstm_reference.h"

#include <cmath>

namespace octet::testing {
namespace {

using Values = std::vector<double>;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double at(const Values& values, int64_t i) { return values[static_cast<size_t>(i)]; }
double& at(Values& values, int64_t i) { return values[static_cast<size_t>(i)]; }

// What one step of one cell computed.
struct Moment {
  int64_t row;  // packed
  Values gates, c, h, c_before, h_before;
};

// One direction of one layer for one sequence.
struct Run {
  const LstmProblem& p;
  int64_t layer, direction, sequence;
  std::vector<Moment> moments = {};  // in the order in which the cell saw them

  int64_t hidden() const { return p.config.hidden; }
  int64_t cell() const { return layer * p.config.directions() + direction; }
  int64_t input() const { return p.config.input_of(layer); }
  int64_t width() const { return p.config.directions() * hidden(); }
  int64_t state(int64_t unit) const { return (cell() * p.batch() + sequence) * hidden() + unit; }
  const Values& weight(int64_t i) const { return p.weights[static_cast<size_t>(4 * cell() + i)]; }

  void forward(const Values& x, Values& y) {
    const int64_t H = hidden(), I = input(), length = at_length();
    Values h(static_cast<size_t>(H)), c(h.size());
    for (int64_t u = 0; u < H && !p.h0.empty(); ++u) {
      at(h, u) = at(p.h0, state(u));
      at(c, u) = at(p.c0, state(u));
    }
    for (int64_t i = 0; i < length; ++i) {
      Moment m = {
          p.row(sequence, direction ? length - 1 - i : i), Values(static_cast<size_t>(4 * H)), {}, {}, c, h};
      for (int64_t g = 0; g < 4 * H; ++g) {
        double sum = at(weight(2), g) + at(weight(3), g);
        for (int64_t k = 0; k < I; ++k) sum += at(weight(0), g * I + k) * at(x, m.row * I + k);
        for (int64_t k = 0; k < H; ++k) sum += at(weight(1), g * H + k) * at(m.h_before, k);
        at(m.gates, g) = g / H == 2 ? std::tanh(sum) : logistic(sum);
      }
      for (int64_t u = 0; u < H; ++u) {
        at(c, u) = at(m.gates, H + u) * at(m.c_before, u) + at(m.gates, u) * at(m.gates, 2 * H + u);
        at(h, u) = at(m.gates, 3 * H + u) * std::tanh(at(c, u));
        at(y, m.row * width() + direction * H + u) = at(h, u);
      }
      m.c = c;
      m.h = h;
      moments.push_back(m);
    }
  }

  // dy [total, width] flows back into this layer's output; dx and the gradients are added to.
  void backward(const Values& x, const Values& dy, Values& dx, LstmReference& to) const {
    const int64_t H = hidden(), I = input();
    Values dh(static_cast<size_t>(H)), dc(dh.size());
    for (int64_t u = 0; u < H; ++u) {
      if (!p.dh_n.empty()) at(dh, u) = at(p.dh_n, state(u));
      if (!p.dc_n.empty()) at(dc, u) = at(p.dc_n, state(u));
    }
    const auto gradient = [&](int64_t i) -> Values& {
      return to.dweights[static_cast<size_t>(4 * cell() + i)];
    };
    for (auto m = moments.rbegin(); m != moments.rend(); ++m) {
      Values before(static_cast<size_t>(4 * H));  // gradients in front of the gates' functions
      for (int64_t u = 0; u < H; ++u) {
        const double i = at(m->gates, u), f = at(m->gates, H + u), g = at(m->gates, 2 * H + u),
                     o = at(m->gates, 3 * H + u), t = std::tanh(at(m->c, u));
        const double d = at(dh, u) + at(dy, m->row * width() + direction * H + u);
        const double e = at(dc, u) + d * o * (1 - t * t);
        at(before, u) = e * g * i * (1 - i);
        at(before, H + u) = e * at(m->c_before, u) * f * (1 - f);
        at(before, 2 * H + u) = e * i * (1 - g * g);
        at(before, 3 * H + u) = d * t * o * (1 - o);
        at(dc, u) = e * f;
        at(dh, u) = 0;
      }
      for (int64_t g = 0; g < 4 * H; ++g) {
        const double d = at(before, g);
        for (int64_t k = 0; k < I; ++k) {
          at(gradient(0), g * I + k) += d * at(x, m->row * I + k);
          at(dx, m->row * I + k) += d * at(weight(0), g * I + k);
        }
        for (int64_t k = 0; k < H; ++k) {
          at(gradient(1), g * H + k) += d * at(m->h_before, k);
          at(dh, k) += d * at(weight(1), g * H + k);
        }
        at(gradient(2), g) += d;
        at(gradient(3), g) += d;
      }
    }
    for (int64_t u = 0; u < H; ++u) {
      at(to.dh0, state(u)) = at(dh, u);
      at(to.dc0, state(u)) = at(dc, u);
    }
  }

 private:
  int64_t at_length() const { return p.lengths[static_cast<size_t>(sequence)]; }
};

}  // namespace

int64_t LstmProblem::total() const {
  int64_t total = 0;
  for (const int64_t length : lengths) total += length;
  return total;
}

int64_t LstmProblem::row(int64_t sequence, int64_t step) const {
  int64_t row = sequence;
  for (const int64_t length : lengths) row += std::min(length, step);
  return row;
}

LstmReference::LstmReference(const LstmProblem& p) {
  const int64_t layers = p.config.layers, width = p.config.directions() * p.config.hidden;
  const auto states = static_cast<size_t>(p.config.cells() * p.batch() * p.config.hidden);
  h_n.resize(states), c_n.resize(states), dh0.resize(states), dc0.resize(states);
  for (const Values& weight : p.weights) dweights.emplace_back(weight.size());
  std::vector<Values> inputs = {p.x};
  std::vector<Run> runs;
  for (int64_t layer = 0; layer < layers; ++layer) {
    y.assign(static_cast<size_t>(p.total() * width), 0);
    for (int64_t sequence = 0; sequence < p.batch(); ++sequence)
      for (int64_t direction = 0; direction < p.config.directions(); ++direction) {
        Run run{p, layer, direction, sequence};
        run.forward(inputs.back(), y);
        for (int64_t u = 0; u < p.config.hidden; ++u) {
          at(h_n, run.state(u)) = at(run.moments.back().h, u);
          at(c_n, run.state(u)) = at(run.moments.back().c, u);
        }
        runs.push_back(std::move(run));
      }
    inputs.push_back(y);
  }
  dx = p.dy.empty() ? Values(y.size()) : p.dy;
  for (int64_t layer = layers - 1; layer >= 0; --layer) {
    const Values above = std::move(dx);
    const Values& x = inputs[static_cast<size_t>(layer)];
    dx.assign(x.size(), 0);
    for (const Run& run : runs)
      if (run.layer == layer) run.backward(x, above, dx, *this);
  }
}

}  // namespace octet::testing
