// State, weights and gradients in 64 bits: for golden runs, so that the same rule can be checked in double.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Fp64 : DirectCodec<double, double> {
  static constexpr const char* name = "fp64";
  static constexpr bool offered = false;
};

}  // namespace octet::optim
