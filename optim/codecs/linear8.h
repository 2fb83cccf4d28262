// State in 8 bits with evenly spaced values, an absmax a block: what the dynamic books are measured against.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Linear8 : CodedState<Map::Linear> {
  static constexpr const char* name = "linear8";
  static constexpr bool offered = true;
};

}  // namespace octet::optim
