// State in bfloat16: the upper half of a float, rounded to nearest, ties to even, or stochastically.
#pragma once

#include "core/dtype.h"
#include "optim/codecs/codec.h"

namespace octet::optim {

struct Bf16 : DirectCodec<float, BFloat16> {
  static constexpr const char* name = "bf16";
  static constexpr bool offered = true;
};

}  // namespace octet::optim
