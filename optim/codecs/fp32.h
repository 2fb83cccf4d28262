// State in 32 bits: stored as it is computed.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Fp32 : DirectCodec<float, float> {
  static constexpr const char* name = "fp32";
  static constexpr bool offered = true;
};

}  // namespace octet::optim
