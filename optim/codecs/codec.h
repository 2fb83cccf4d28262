// What codecs have in common. A codec says how one state value is kept:
//   name, offered           on the command line (not only in tests)
//   Value, Stored           what the rule computes with; the element of the tensor of state
//   values_per_stored       1, or 2 where two codes share a byte
//   scale                   what shares an absmax
//   map                     with an absmax: the code books
//   own_block_size          0, or a block size whatever the options say
//   coarse                  stochastic rounding whatever the options say
//   historical              nearest rounding and plain second moments whatever the options say
#pragma once

#include <cstdint>

#include "optim/codebook.h"

namespace octet::optim {

enum class Scale : uint8_t {
  None,   // each value is converted by itself
  Block,  // an absmax for each block
  Tensor  // one absmax for the whole tensor
};

template <class V, class S>
struct DirectCodec {
  using Value = V;
  using Stored = S;
  static constexpr int values_per_stored = 1;
  static constexpr Scale scale = Scale::None;
  static constexpr int own_block_size = 0;
  static constexpr bool coarse = false, historical = false;
};

template <Map kMap>
struct CodedState {
  using Value = float;
  using Stored = uint8_t;
  static constexpr Map map = kMap;
  static constexpr int values_per_stored = 1;
  static constexpr Scale scale = Scale::Block;
  static constexpr int own_block_size = 0;
  static constexpr bool coarse = false, historical = false;
};

// What becomes of a second moment.
enum class SecondMoment : uint8_t {
  // A positive value never gets the code of 0, and its code is rounded up or down at random, with the odds
  // that keep its mean (see optim/dither.h).
  Dither,
  Floor,  // nearest code, but a positive value never gets the code of 0
  Plain   // nearest code, as in the paper; first moments are then as there too (see Encoding::signed_absmax)
};

enum class Rounding : uint8_t { Nearest, Stochastic };

}  // namespace octet::optim
