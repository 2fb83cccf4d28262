// State in bfloat16: the upper half of a float, rounded to nearest, ties to even.
#pragma once

#include "core/dtype.h"

namespace octet::optim {

struct Bf16 {
  static constexpr const char* name = "bf16";
  static constexpr bool offered = true;
  using Value = float;
  using Stored = BFloat16;
  static constexpr bool blockwise = false;
};

}  // namespace octet::optim
