// Adagrad with coupled (L2) weight decay. Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online
// Learning and Stochastic Optimization", JMLR 12, 2011.
//   g += wd w;  s += g^2;  w -= lr g / (sqrt(s) + eps)
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/arithmetic.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct Adagrad {
  static constexpr const char* name = "adagrad";
  static constexpr std::array slots{Slot{"sum", Book::Unsigned}};
  static constexpr HyperParameters defaults{.lr = 1e-2, .eps = 1e-10};

  template <class T>
  struct Update {
    T lr, eps, weight_decay;
    OCTET_HD void operator()(T& w, T g, std::array<T, 1>& state) const {
      g += weight_decay * w;
      state[0] += g * g;
      w -= quotient(lr * g, root(state[0]) + eps);
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {static_cast<T>(h.lr), static_cast<T>(h.eps), static_cast<T>(h.weight_decay)};
  }
};

}  // namespace octet::optim
