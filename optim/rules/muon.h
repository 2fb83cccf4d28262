// Muon: momentum whose matrix is made orthogonal before it is applied. Jordan et al., "Muon: An optimizer for
// hidden layers in neural networks", 2024 (kellerjordan.github.io/posts/muon).
//   s = mu s + g;  u = g + mu s, or without Nesterov's look-ahead u = s
//   X = u / (|u| + 1e-7), made nearly orthogonal by five products (optim/newton_schulz.h)
//   w *= 1 - lr wd;  w -= lr 0.2 sqrt(max(rows, columns)) X
// It is for parameters of two axes but tables of embeddings, as its author has it
// (GroupOptions::not_orthogonal); AdamW steps all others, with the same learning rate and weight decay.
// That they can be the same is what the scale is for: the elements of X have a root mean square of about 1 /
// sqrt(max(rows, columns)), and AdamW's steps one of about 0.2. Liu et al., "Muon is Scalable for LLM
// Training", 2025; PyTorch's adjust_lr_fn = "match_rms_adamw".
//
// Each of the two element-wise passes around the products is a rule in the eyes of a backend: Muon, whose
// "weight" is scratch that it overwrites with X before the products, and MuonStep. Both have the constants
// that Muon::at writes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/adamw.h"
#include "optim/rules/slot.h"
#include "optim/rules/sums.h"

namespace octet::optim {

template <class T>
struct MuonConstants {
  T momentum, direct, lag;  // u = direct g + lag s
  T decay, lr;              // decay = lr wd
};

// The weight from what the products made of the direction; the gradient has no part in it any more.
struct MuonStep {
  static constexpr std::array slots{Slot{"direction", Book::Signed}};

  template <class T>
  struct Update {
    MuonConstants<T> constants;
    OCTET_HD void operator()(T& w, T /*g*/, std::array<T, 1>& state) const {
      w -= constants.decay * w + constants.lr * state[0];
    }
  };
  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {{static_cast<T>(h.momentum), static_cast<T>(h.nesterov ? 1 : 0),
             static_cast<T>(h.nesterov ? h.momentum : 1), static_cast<T>(h.lr * h.weight_decay),
             static_cast<T>(h.lr)}};
  }
};

struct Muon {
  static constexpr const char* name = "muon";
  static constexpr std::array slots{Slot{"momentum_buffer", Book::Signed}};
  static constexpr HyperParameters defaults{.weight_decay = 1e-2, .momentum = 0.95, .nesterov = true};
  using Others = AdamW;        // steps what is no matrix
  using AppliedBy = MuonStep;  // steps the weights, after the products

  template <class T>
  struct Update {
    MuonConstants<T> constants;
    OCTET_HD T measured(T /*scratch*/, T g, std::array<T, 1>& state) const {
      state[0] = constants.momentum * state[0] + g;
      return constants.direct * g + constants.lag * state[0];
    }
    OCTET_HD double factor(const TensorSums& sums) const {
      using std::sqrt;
      return 1 / (sqrt(sums.measured) + 1e-7);
    }
    OCTET_HD void operator()(T& scratch, T g, std::array<T, 1>& state, T factor) const {
      scratch = factor * measured(scratch, g, state);
    }
  };
  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t step) {
    return {MuonStep::at<T>(h, step).constants};
  }

  static double scale(int64_t rows, int64_t columns) {
    return 0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)));
  }
};

}  // namespace octet::optim
