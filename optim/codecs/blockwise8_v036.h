// An exhibit: block-wise state as releases 0.36.0 to 0.41.0 of the bitsandbytes library stored it, with an
// unsigned book that ends at 0.0933 instead of 1 (project issues 121, 152, 227, 659; repaired in 0.41.1).
// Each step cuts every second moment above 9.3 % of its block's largest down to that. Blocks of 2048, nearest
// codes, no floor. Its control is blockwise8 with --second-moment plain --block-size 2048, which differs from
// it in the unsigned book alone.
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Blockwise8V036 : CodedState<Map::DynamicV036> {
  static constexpr const char* name = "blockwise8-v0.36";
  static constexpr bool offered = true;
  static constexpr int own_block_size = 2048;
  static constexpr bool historical = true;
};

}  // namespace octet::optim
