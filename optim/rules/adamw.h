// Adam with decoupled weight decay. Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR
// 2019.
//   w *= 1 - lr wd;  then Adam's step without decay.
// Here as in other rules, both are added up and taken off at once. 1 - lr wd in a float would be rounded:
// with a decay of 0.01 it takes off 1.7 times too much at a learning rate of 5e-6, and at 2e-6 nothing.
#pragma once

#include "optim/rules/adam.h"

namespace octet::optim {

struct AdamW {
  static constexpr const char* name = "adamw";
  static constexpr std::array slots{Slot{"exp_avg", Book::Signed}, Slot{"exp_avg_sq", Book::Unsigned}};
  static constexpr HyperParameters defaults{.weight_decay = 1e-2};

  template <class T>
  struct Update {
    AdamMoments<T> moments;
    T decay;  // lr wd
    OCTET_HD void operator()(T& w, T g, std::array<T, 2>& state) const { w -= decay * w + moments(g, state); }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    return {AdamMoments<T>::at(h, step), static_cast<T>(h.lr * h.weight_decay)};
  }
};

}  // namespace octet::optim
