// State in 8 bits with the dynamic books and one absmax for the whole tensor: what blocks are measured
// against. A step has to know the largest new value before it stores the first, so it computes everything
// twice.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Tensorwise8 : CodedState<Map::Dynamic> {
  static constexpr const char* name = "tensorwise8";
  static constexpr bool offered = true;
  static constexpr Scale scale = Scale::Tensor;
};

}  // namespace octet::optim
