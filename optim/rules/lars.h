// LARS: momentum with a learning rate of its own for each tensor. You, Gitman and Ginsburg, "Large Batch
// Training of Convolutional Networks", arXiv:1708.03888, 2017.
//   rate = lr eta |w| / (|g| + wd |w| + eps);  m = mu m + rate (g + wd w);  w -= m
// As in the paper, the momentum holds steps, with the learning rates they were taken at. The rate is lr where
// a norm is 0, as in a bias that starts at 0: give such parameters a group of their own where lr is large.
// eta is the trust coefficient. All tensors are treated alike, whatever their shape.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"
#include "optim/rules/sums.h"

namespace octet::optim {

struct Lars {
  static constexpr const char* name = "lars";
  static constexpr std::array slots{Slot{"momentum_buffer", Book::Signed}};
  static constexpr HyperParameters defaults{.lr = 1.0, .momentum = 0.9};

  template <class T>
  struct Update {
    T lr, trust, eps, weight_decay, momentum;
    OCTET_HD T measured(T /*w*/, T g) const { return g; }
    OCTET_HD double factor(const TensorSums& sums) const {
      using std::sqrt;
      const double rate = static_cast<double>(lr), w = sqrt(sums.weight), g = sqrt(sums.measured);
      if (!(w > 0 && g > 0)) return rate;
      return rate * static_cast<double>(trust) * w /
             (g + static_cast<double>(weight_decay) * w + static_cast<double>(eps));
    }
    OCTET_HD void operator()(T& w, T g, std::array<T, 1>& state, T factor) const {
      state[0] = momentum * state[0] + factor * (g + weight_decay * w);
      w -= state[0];
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {static_cast<T>(h.lr), static_cast<T>(h.trust_coefficient), static_cast<T>(h.eps),
            static_cast<T>(h.weight_decay), static_cast<T>(h.momentum)};
  }
};

}  // namespace octet::optim
