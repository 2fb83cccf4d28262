// State in 8 bits: blocks of 256 consecutive elements of one parameter in flat order (never of two; the last
// may be short), for each block and slot one float absmax, for each element the code of the dynamic book's
// value nearest to n = x * r, where r = 1 / absmax is an IEEE float32 division, ties to the even index. An
// all-zero block has r = 0; a block whose absmax is below 2^-126 is scaled, with its absmax, by 2^64 first. 1
// + 4/256 bytes a state value. Decoding is value * absmax. Source: Dettmers et al., "8-bit Optimizers via
// Block-wise Quantization", ICLR 2022. All that have an absmax do so; they differ in what shares it, and in
// the books. Other than there, the absmax of signed slots has the sign of the value that it is of (see
// Encoding::signed_absmax), unless second moments are to be plain.
//
// Not a number: the absmax of a block with a NaN is NaN, else with an infinity infinity, so such a block
// decodes to values that are not finite either. Gradients are checked before the step, so it takes one that
// is finite and has a square that is not (above 1e19, over the root of 1 - beta2).
#pragma once

#include "optim/codecs/codec.h"

namespace octet::optim {

struct Blockwise8 : CodedState<Map::Dynamic> {
  static constexpr const char* name = "blockwise8";
  static constexpr bool offered = true;
};

}  // namespace octet::optim
