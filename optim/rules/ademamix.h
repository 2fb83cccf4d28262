// AdEMAMix: Adam with a second, slow mean of the gradients, and decoupled weight decay. Pagliardini, Ablin
// and Grangier, "The AdEMAMix Optimizer: Better, Faster, Older", ICLR 2025.
//   w *= 1 - lr wd;  m1 = b1 m1 + (1-b1) g;  m2 = b3 m2 + (1-b3) g;  v = b2 v + (1-b2) g^2
//   w -= lr (m1 / (1-b1^t) + alpha m2) / (sqrt(v / (1-b2^t)) + eps)
// alpha grows from 0 to its end in t_alpha steps, b3 from b1 in t_beta3 steps.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/arithmetic.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct AdEMAMix {
  static constexpr const char* name = "ademamix";
  // The slow mean goes a ten-thousandth of its way a step.
  static constexpr std::array slots{Slot{"exp_avg", Book::Signed},
                                    Slot{.name = "exp_avg_slow", .book = Book::Signed, .slow = true},
                                    Slot{"exp_avg_sq", Book::Unsigned}};
  static constexpr HyperParameters defaults{.weight_decay = 1e-2};

  // The share of a schedule of `length` steps that step t ends; a schedule of length 0 is over at once.
  OCTET_HD static double progress(double t, double length) { return t < length ? t / length : 1; }

  // The paper's schedule grows the half-life of the mean, and so -1 / log(beta), in equal steps.
  OCTET_HD static double slow_beta(const HyperParameters& h, double t) {
    using std::exp, std::log;
    const double done = progress(t, h.t_beta3);
    if (done == 1) return h.beta3;
    const double beta = exp(1 / ((1 - done) / log(h.beta1) + done / log(h.beta3)));
    return beta < h.beta3 ? beta : h.beta3;
  }

  // Adam's corrections are moved out of the loop as in adam.h.
  template <class T>
  struct Update {
    T beta1, rest1, beta2, rest2, beta3, rest3;  // rest = 1 - beta
    T decay, fast, slow, eps;                    // decay = lr wd; fast and slow: rates of the means
    OCTET_HD void operator()(T& w, T g, std::array<T, 3>& state) const {
      state[0] = beta1 * state[0] + rest1 * g;
      state[1] = beta3 * state[1] + rest3 * g;
      state[2] = beta2 * state[2] + (rest2 * g) * g;
      w -= decay * w + quotient(fast * state[0] + slow * state[1], root(state[2]) + eps);
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    using std::pow, std::sqrt;
    const double t = static_cast<double>(step), beta3 = slow_beta(h, t);
    const double c1 = 1 - pow(h.beta1, t), root_c2 = sqrt(1 - pow(h.beta2, t));
    const double alpha = h.alpha_slow * progress(t, h.t_alpha);
    return {static_cast<T>(h.beta1),
            static_cast<T>(1 - h.beta1),
            static_cast<T>(h.beta2),
            static_cast<T>(1 - h.beta2),
            static_cast<T>(beta3),
            static_cast<T>(1 - beta3),
            static_cast<T>(h.lr * h.weight_decay),
            static_cast<T>(h.lr * root_c2 / c1),
            static_cast<T>(h.lr * root_c2 * alpha),
            static_cast<T>(h.eps * root_c2)};
  }
};

}  // namespace octet::optim
