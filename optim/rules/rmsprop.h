// RMSprop with coupled (L2) weight decay. Tieleman and Hinton, "Lecture 6.5: RMSProp", Coursera, 2012;
// centered and with momentum as in Graves, "Generating Sequences With Recurrent Neural Networks",
// arXiv:1308.0850, 2013.
//   g += wd w;  s = a s + (1-a) g^2;  m = a m + (1-a) g if centered, else 0
//   b = mu b + g / (sqrt(s - m^2) + eps);  w -= lr b
// The state keeps v = s - m^2 in place of s, which is the same as
//   v = a v + a (1-a) (g - m)^2 if centered, with m before this step, else a v + (1-a) g^2
// and never a difference of two large values: rounded state would make that far too small.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/arithmetic.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct RmsProp {
  static constexpr const char* name = "rmsprop";
  static constexpr std::array slots{Slot{"square_avg", Book::Unsigned}, Slot{"momentum_buffer", Book::Signed},
                                    Slot{"grad_avg", Book::Signed}};
  static constexpr HyperParameters defaults{.lr = 1e-2};

  template <class T>
  struct Update {
    T weight_decay;
    T alpha;
    T rest;       // 1 - alpha; if centered alpha (1 - alpha)
    T rest_mean;  // 0; if centered 1 - alpha
    T eps, momentum, lr;
    OCTET_HD void operator()(T& w, T g, std::array<T, 3>& state) const {
      g += weight_decay * w;
      const T deviation = g - state[2];
      state[0] = alpha * state[0] + (rest * deviation) * deviation;  // this order keeps it from overflowing
      state[2] = alpha * state[2] + rest_mean * g;
      state[1] = momentum * state[1] + quotient(g, root(state[0]) + eps);
      w -= lr * state[1];
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {static_cast<T>(h.weight_decay),
            static_cast<T>(h.alpha),
            static_cast<T>((1 - h.alpha) * (h.centered ? h.alpha : 1)),
            static_cast<T>(h.centered ? 1 - h.alpha : 0),
            static_cast<T>(h.eps),
            static_cast<T>(h.momentum),
            static_cast<T>(h.lr)};
  }
};

}  // namespace octet::optim
