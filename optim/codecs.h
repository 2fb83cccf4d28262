// The list of state codecs: adding one is a file in codecs/, its encoding on each device, its include and a
// word here.
#pragma once

#include "optim/codecs/bf16.h"
#include "optim/codecs/blockwise4.h"
#include "optim/codecs/blockwise8.h"
#include "optim/codecs/blockwise8_v036.h"
#include "optim/codecs/fp32.h"
#include "optim/codecs/fp64.h"
#include "optim/codecs/linear8.h"
#include "optim/codecs/tensorwise8.h"
#include "optim/type_list.h"

namespace octet::optim {

using Codecs = TypeList<Fp32, Bf16, Blockwise8, Linear8, Tensorwise8, Blockwise4, Blockwise8V036, Fp64>;

}  // namespace octet::optim
