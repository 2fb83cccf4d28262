// LAMB: Adam's direction, scaled in each tensor to the norm of its weights. You et al., "Large Batch
// Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020.
//   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  u = (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps) + wd w
//   w -= lr (|w| / |u|) u
// The ratio is 1 where a norm is 0, as in a bias that starts at 0, and at most max_trust, if that is not 0
// (the paper's phi is the identity here). All tensors are treated alike, whatever their shape.
#pragma once

#include "optim/rules/adam.h"
#include "optim/rules/sums.h"

namespace octet::optim {

struct Lamb {
  static constexpr const char* name = "lamb";
  static constexpr std::array slots{Slot{"exp_avg", Book::Signed}, Slot{"exp_avg_sq", Book::Unsigned}};
  static constexpr HyperParameters defaults{.eps = 1e-6, .weight_decay = 1e-2};

  // So that a factor is a finite float, and 0 times it is 0.
  static constexpr double kMostTrust = 0x1p100;

  template <class T>
  struct Update {
    AdamMoments<T> moments;  // at learning rate 1
    T weight_decay, lr, max_trust;
    OCTET_HD T measured(T w, T g, std::array<T, 2>& state) const {
      return moments(g, state) + weight_decay * w;
    }
    OCTET_HD double factor(const TensorSums& sums) const {
      using std::sqrt;
      const double limit = static_cast<double>(max_trust);
      double ratio = sums.weight > 0 && sums.measured > 0 ? sqrt(sums.weight) / sqrt(sums.measured) : 1;
      if (limit > 0 && ratio > limit) ratio = limit;
      if (ratio > kMostTrust) ratio = kMostTrust;
      return static_cast<double>(lr) * ratio;
    }
    OCTET_HD void operator()(T& w, T g, std::array<T, 2>& state, T factor) const {
      w -= factor * measured(w, g, state);
    }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    HyperParameters unit = h;
    unit.lr = 1;
    return {AdamMoments<T>::at(unit, step), static_cast<T>(h.weight_decay), static_cast<T>(h.lr),
            static_cast<T>(h.max_trust)};
  }
};

}  // namespace octet::optim
