// State in 4 bits, two codes a byte, the first in the lower half; an absmax for every 128 elements: half a
// byte and a 32nd a state value. Second moments are always dithered, whatever is said of others: among 16
// values that are a factor apart nearest rounding would never move them. The books are our own;
// optim/README.md tells how they were chosen.
//   signed    -r^7 .. -r, 0, r^8 ... hmm
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Blockwise4 : CodedState<Map::Dynamic4> {
  static constexpr const char* name = "blockwise4";
  static constexpr bool offered = true;
  static constexpr int values_per_stored = 2;
  static constexpr int own_block_size = 128;
};

}  // namespace octet::optim
