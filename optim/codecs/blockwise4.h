// State in 4 bits, two codes a byte, the first in the lower half; an absmax a block: half a byte and a
// 64th a state value. The books are our own: 0 and powers of two, 2^-6 .. 1 with both signs or
// 2^-14 .. 1, so the code of a value is its exponent. Rounding is stochastic: nearest codes that are a factor
// of two apart stand still. optim/README.md tells how they were chosen.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Blockwise4 : CodedState<Map::Powers4> {
  static constexpr const char* name = "blockwise4";
  static constexpr bool offered = true;
  static constexpr int values_per_stored = 2;
  static constexpr bool coarse = true;
};

}  // namespace octet::optim
