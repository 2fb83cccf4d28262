// Lion with decoupled weight decay. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS
// 2023.
//   w *= 1 - lr wd;  w -= lr sign(b1 m + (1-b1) g);  m = b2 m + (1-b2) g
#pragma once

#include <array>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct Lion {
  static constexpr const char* name = "lion";
  static constexpr std::array slots{Slot{"exp_avg", Book::Signed}};
  static constexpr HyperParameters defaults{.lr = 1e-4, .beta2 = 0.99};

  template <class T>
  struct Update {
    T beta1, rest1, beta2, rest2;  // rest = 1 - beta
    T decay, lr;                   // decay = lr wd
    OCTET_HD void operator()(T& w, T g, std::array<T, 1>& state) const {
      const T direction = beta1 * state[0] + rest1 * g;
      w -= decay * w + ((direction > 0 ? lr : T(0)) - (direction < 0 ? lr : T(0)));
      state[0] = beta2 * state[0] + rest2 * g;
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {static_cast<T>(h.beta1),     static_cast<T>(1 - h.beta1),           static_cast<T>(h.beta2),
            static_cast<T>(1 - h.beta2), static_cast<T>(h.lr * h.weight_decay), static_cast<T>(h.lr)};
  }
};

}  // namespace octet::optim
