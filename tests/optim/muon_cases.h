// What Muon's matrices must do alike on every device, and what their tests share.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include "tests/optim/optimizer_cases.h"

namespace octet::optim::testing {

inline NamedParameter matrix(const std::string& name, int64_t rows, int64_t columns,
                             Device device = Device::cpu(), DType dtype = DType::F32) {
  const Tensor flat = parameter(name, rows * columns, 1, dtype).variable.value();
  return {name, Variable::leaf(flat.reshape({rows, columns}).to(device, MemoryTag::Weights))};
}

// Of independent normal values: no small singular values, unless the matrix is square.
inline void set_even_gradient(const NamedParameter& p, uint64_t seed) {
  Rng rng = Rng(seed).split(p.name);
  std::vector<double> g(static_cast<size_t>(p.variable.value().numel()));
  for (double& x : g)
    x = std::sqrt(-2 * std::log(rng.uniform() + 1e-12)) * std::cos(6.283185307179586 * rng.uniform());
  p.variable.grad().reshape({p.variable.value().numel()}).copy_from(tensor_of(g, p.variable.grad().dtype()));
}

using Doubles = std::vector<double>;

// [m, k] by [k, n]
inline Doubles product(const Doubles& a, const Doubles& b, int64_t m, int64_t k, int64_t n) {
  Doubles y(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j)
        y[static_cast<size_t>(i * n + j)] +=
            a[static_cast<size_t>(i * k + l)] * b[static_cast<size_t>(l * n + j)];
  return y;
}
inline Doubles transposed(const Doubles& a, int64_t rows, int64_t columns) {
  Doubles y(a.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      y[static_cast<size_t>(j * rows + i)] = a[static_cast<size_t>(i * columns + j)];
  return y;
}

// Newton and Schulz's iteration with Muon's coefficients, as its author writes it: tall matrices transposed.
inline Doubles orthogonal(Doubles x, int64_t rows, int64_t columns) {
  if (rows > columns)
    return transposed(orthogonal(transposed(x, rows, columns), columns, rows), columns, rows);
  for (int i = 0; i < 5; ++i) {
    const Doubles a = product(x, transposed(x, rows, columns), rows, columns, rows);
    Doubles b = product(a, a, rows, rows, rows);
    for (size_t j = 0; j < b.size(); ++j) b[j] = -4.7750 * a[j] + 2.0315 * b[j];
    const Doubles y = product(b, x, rows, rows, columns);
    for (size_t j = 0; j < x.size(); ++j) x[j] = 3.4445 * x[j] + y[j];
  }
  return x;
}

// The least and the largest: roots of the eigenvalues of X X^T or X^T X, the smaller, by Jacobi's rotations.
inline std::pair<double, double> singular_values(const Doubles& x, int64_t rows, int64_t columns) {
  if (rows > columns) return singular_values(transposed(x, rows, columns), columns, rows);
  Doubles a = product(x, transposed(x, rows, columns), rows, columns, rows);
  const auto at = [&](int64_t i, int64_t j) -> double& { return a[static_cast<size_t>(i * rows + j)]; };
  for (int sweep = 0; sweep < 12; ++sweep)
    for (int64_t p = 0; p < rows; ++p)
      for (int64_t q = p + 1; q < rows; ++q) {
        const double angle = 0.5 * std::atan2(2 * at(p, q), at(q, q) - at(p, p));
        const double c = std::cos(angle), s = std::sin(angle);
        for (int64_t k = 0; k < rows; ++k) {
          const double ap = at(k, p), aq = at(k, q);
          at(k, p) = c * ap - s * aq, at(k, q) = s * ap + c * aq;
        }
        for (int64_t k = 0; k < rows; ++k) {
          const double ap = at(p, k), aq = at(q, k);
          at(p, k) = c * ap - s * aq, at(q, k) = s * ap + c * aq;
        }
      }
  double least = at(0, 0), most = at(0, 0);
  for (int64_t i = 0; i < rows; ++i) least = std::min(least, at(i, i)), most = std::max(most, at(i, i));
  return {std::sqrt(least), std::sqrt(most)};
}

// Bad steps leave no trace, a reload goes on, clipping and a schedule count. The momentum of matrices is the
// CPU's to the bit where it went by the same gradients and norm. The weights are only close, since products
// add in another order: a singular value that is small beside the largest is multiplied by up to 3.4^5 with
// its rounding, 500 x 6e-8 of a direction whose elements are near 1 / sqrt(rows); 1e-3 learning rates are
// 0.5 % of an element of a step (0.2), and 6 steps add up.
inline void check_muon(Device device) {
  for (const char* codec : {"fp32", "bf16", "blockwise8", "tensorwise8"}) {
    INFO(codec);
    HyperParameters h = default_hyper("muon");
    h.lr = 1e-2;
    const auto train = [&](Device where, bool bad) {
      const std::vector<NamedParameter> p{matrix("wide", 48, 130, where), matrix("tall", 130, 48, where),
                                          matrix("row", 1, 70, where), model_on(where)[2]};
      const auto make = [&] {
        return Optimizer({{.parameters = p, .options = {.rule = "muon", .codec = codec, .hyper = h}}},
                         {.max_norm = 0.1, .on_nonfinite = OnNonFinite::Skip});
      };
      Optimizer optimizer = make();
      for (uint64_t t = 0; t < 6; ++t) {
        if (t == 3) {
          NamedTensors saved;
          for (const auto& [name, tensor] : optimizer.state())
            saved.emplace_back(name, tensor.to(Device::cpu(), MemoryTag::Data));
          optimizer = make();
          optimizer.load_state(saved);
        }
        if (bad) {
          for (const NamedParameter& each : p) set_even_gradient(each, 50);
          p[t % 4]
              .variable.grad()
              .reshape({p[t % 4].variable.value().numel()})
              .slice_rows(5, 6)
              .fill(std::numeric_limits<double>::quiet_NaN());
          const std::string weights = weights_of(p);
          optimizer.step();
          CHECK((weights_of(p) == weights));
        }
        for (const NamedParameter& each : p) set_even_gradient(each, t);
        optimizer.set_lr_factor(1.0 / (1.0 + static_cast<double>(t)));
        optimizer.step();
      }
      CHECK(optimizer.steps() == 6);
      NamedTensors state = optimizer.state();
      std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("optimizer."); });
      std::string bytes;
      for (const auto& [name, tensor] : state) bytes += name + bytes_of(tensor);
      Doubles weights;
      for (const NamedParameter& each : p)
        for (const double x : each.variable.value()
                                  .to(Device::cpu(), MemoryTag::Data)
                                  .to(DType::F64, MemoryTag::Data)
                                  .to_vector<double>())
          weights.push_back(x);
      return std::pair(bytes, weights);
    };
    const auto [state, weights] = train(Device::cpu(), false);
    for (const bool bad : {false, true}) {
      const auto [got_state, got_weights] = train(device, bad);
      CHECK((got_state == state));
      double off = 0;
      for (size_t i = 0; i < weights.size(); ++i) off = std::max(off, std::fabs(got_weights[i] - weights[i]));
      CHECK(off <= (device.is_cpu() ? 0 : 1e-3 * h.lr));
    }
  }
}

}  // namespace octet::optim::testing
