// Adam with coupled (L2) weight decay. Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR
// 2015.
//   g += wd w;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) +
//   eps)
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/arithmetic.h"
#include "optim/rules/slot.h"

namespace octet::optim {

// The part that Adam and AdamW share. Both corrections are moved out of the loop: with c = 1 - b^t,
//   lr (m/c1) / (sqrt(v/c2) + eps) = (lr sqrt(c2)/c1) m / (sqrt(v) + eps sqrt(c2)).
template <class T>
struct AdamMoments {
  T beta1, rest1, beta2, rest2;  // rest = 1 - beta
  T rate, eps;                   // lr sqrt(c2) / c1, eps sqrt(c2)

  // `step` counts from 1. The constants are computed in double and rounded once.
  OCTET_HD static AdamMoments at(const HyperParameters& h, int64_t step) {
    const double t = static_cast<double>(step);
    using std::pow, std::sqrt;
    const double c1 = 1 - pow(h.beta1, t), root_c2 = sqrt(1 - pow(h.beta2, t));
    return {
        static_cast<T>(h.beta1),     static_cast<T>(1 - h.beta1),         static_cast<T>(h.beta2),
        static_cast<T>(1 - h.beta2), static_cast<T>(h.lr * root_c2 / c1), static_cast<T>(h.eps * root_c2)};
  }

  // Updates both moments and returns what to subtract from the weight.
  OCTET_HD T operator()(T g, std::array<T, 2>& state) const {
    state[0] = beta1 * state[0] + rest1 * g;
    state[1] = beta2 * state[1] + (rest2 * g) * g;  // this order keeps g^2 from overflowing
    return quotient(rate * state[0], root(state[1]) + eps);
  }
};

struct Adam {
  static constexpr const char* name = "adam";
  static constexpr std::array slots{Slot{"exp_avg", Book::Signed}, Slot{"exp_avg_sq", Book::Unsigned}};
  static constexpr HyperParameters defaults{};

  // The update of one weight with its gradient and state, and the constants it needs at one step.
  template <class T>
  struct Update {
    AdamMoments<T> moments;
    T weight_decay;
    OCTET_HD void operator()(T& w, T g, std::array<T, 2>& state) const {
      w -= moments(g + weight_decay * w, state);
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    return {AdamMoments<T>::at(h, step), static_cast<T>(h.weight_decay)};
  }
};

}  // namespace octet::optim
