// Gradient descent with momentum and coupled (L2) weight decay, as in Sutskever et al., "On the importance of
// initialization and momentum in deep learning", ICML 2013.
//   g += wd w;  s = g in the first step, then s = mu s + (1-dampening) g
//   w -= lr s, or with Nesterov's look-ahead w -= lr (g + mu s)
#pragma once

#include <array>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct Momentum {
  static constexpr const char* name = "momentum";
  static constexpr std::array slots{Slot{"momentum_buffer", Book::Signed}};
  static constexpr HyperParameters defaults{.momentum = 0.9};

  template <class T>
  struct Update {
    T weight_decay;
    T keep, add;    // s = keep s + add g
    T direct, lag;  // w -= direct g + lag s
    OCTET_HD void operator()(T& w, T g, std::array<T, 1>& state) const {
      g += weight_decay * w;
      state[0] = keep * state[0] + add * g;
      w -= direct * g + lag * state[0];
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    const bool first = step == 1;
    return {static_cast<T>(h.weight_decay), static_cast<T>(h.momentum),
            static_cast<T>(first ? 1 : 1 - h.dampening),  // the state is still 0
            static_cast<T>(h.nesterov ? h.lr : 0), static_cast<T>(h.nesterov ? h.lr * h.momentum : h.lr)};
  }
};

}  // namespace octet::optim
