// Adafactor: steps relative to the weights, from a second moment that a matrix keeps as a mean for each row
// and column. Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML 2018,
// algorithms 4 and 5 without a first moment, with the weight decay of AdamW.
//   b = 1 - t^-decay_rate
//   matrices:  R = b R + (1-b) (mean over columns of g^2 + eps);  C likewise over rows;  V = R C / mean(R)
//   others:    V = b V + (1-b) (g^2 + eps)
//   u = g / sqrt(V);  u /= max(1, RMS(u) / clip_threshold)
//   rate = max(eps2, RMS(w)) min(lr, 1/sqrt(t)), or lr with fixed_step
//   w *= 1 - lr wd;  w -= rate u
// RMS(w) is that before the decay. A tensor of more than two axes is a matrix whose columns are the last one.
// PyTorch's class has the same steps (but for an eps that it applies elsewhere), the paper has lr = 0.01.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/arithmetic.h"
#include "optim/rules/slot.h"
#include "optim/rules/sums.h"

namespace octet::optim {

struct Adafactor {
  static constexpr const char* name = "adafactor";
  static constexpr std::array slots{Slot{"variance", Book::Unsigned}};
  static constexpr std::array matrix_slots{Slot{"row_var", Book::Unsigned, Extent::Rows},
                                           Slot{"col_var", Book::Unsigned, Extent::Columns}};
  static constexpr HyperParameters defaults{.lr = 1e-2, .eps = 1e-30};

  template <class T>
  struct Update {
    T beta2, rest2, eps;  // rest = 1 - beta
    T decay;              // lr wd
    T rate, least, clip;  // rate: of the step, or relative to the larger of RMS(w) and `least`
    int32_t fixed_step;   // as a truth value

    OCTET_HD T measured(T /*w*/, T g, std::array<T, 1>& state) const {
      state[0] = beta2 * state[0] + ((rest2 * g) * g + rest2 * eps);
      return quotient(g, root(state[0]));
    }
    OCTET_HD double factor(const TensorSums& sums) const {
      using std::sqrt;
      const double count = static_cast<double>(sums.count), floor = static_cast<double>(least);
      const double weight = sqrt(sums.weight / count);
      const double excess = sqrt(sums.measured / count) / static_cast<double>(clip);
      const double relative = fixed_step ? 1 : weight > floor ? weight : floor;
      return static_cast<double>(rate) * relative / (excess > 1 ? excess : 1);
    }
    OCTET_HD void step(T& w, T u, T factor) const { w -= decay * w + factor * u; }
    OCTET_HD void operator()(T& w, T g, std::array<T, 1>& state, T factor) const {
      step(w, measured(w, g, state), factor);
    }

    // The form for matrices: a new value of R or C, what they contribute to 1 / sqrt(V), and u.
    OCTET_HD T line(T old, double mean_square) const {
      return static_cast<T>(static_cast<double>(beta2) * static_cast<double>(old) +
                            static_cast<double>(rest2) * (mean_square + static_cast<double>(eps)));
    }
    OCTET_HD static T row_factor(T row, double mean_of_rows) { return inverse_root(row, mean_of_rows); }
    OCTET_HD static T column_factor(T column) { return inverse_root(column, 1); }
    OCTET_HD static T direction(T g, T row_factor, T column_factor) { return g * row_factor * column_factor; }

   private:
    // 1 / sqrt(x / unit), but finite: where eps is 0, x may be 0 where all gradients are.
    OCTET_HD static T inverse_root(T x, double unit) {
      using std::sqrt;
      constexpr double kMost = static_cast<double>(std::numeric_limits<T>::max());
      if (!(x > 0)) return 0;
      const double factor = sqrt(unit / static_cast<double>(x));
      return static_cast<T>(factor < kMost ? factor : kMost);
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    using std::pow, std::sqrt;
    const double t = static_cast<double>(step), rest = pow(t, -h.decay_rate), slow = 1 / sqrt(t);
    return {static_cast<T>(1 - rest),
            static_cast<T>(rest),
            static_cast<T>(h.eps),
            static_cast<T>(h.lr * h.weight_decay),
            static_cast<T>(h.fixed_step || h.lr < slow ? h.lr : slow),
            static_cast<T>(h.eps2),
            static_cast<T>(h.clip_threshold),
            h.fixed_step};
  }
};

}  // namespace octet::optim
