// Stochastic gradient descent with coupled (L2) weight decay. Robbins and Monro, "A Stochastic Approximation
// Method", Annals of Mathematical Statistics 22, 1951.
//   g += wd w;  w -= lr g
#pragma once

#include <array>
#include <cstdint>

#include "core/host_device.h"
#include "optim/hyper.h"
#include "optim/rules/slot.h"

namespace octet::optim {

struct Sgd {
  static constexpr const char* name = "sgd";
  static constexpr std::array<Slot, 0> slots{};
  static constexpr HyperParameters defaults{};

  template <class T>
  struct Update {
    T lr, weight_decay;
    OCTET_HD void operator()(T& w, T g, std::array<T, 0>&) const { w -= lr * (g + weight_decay * w); }
  };

  template <class T>
  OCTET_HD static Update<T> at(const HyperParameters& h, int64_t /*step*/) {
    return {static_cast<T>(h.lr), static_cast<T>(h.weight_decay)};
  }
};

}  // namespace octet::optim
