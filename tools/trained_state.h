// Optimizer state as training leaves it, made on the spot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "optim/made_state.h"
#include "tools/config.h"
#include "tools/text_data.h"

namespace octet::tools {

struct NamedAdamState {
  std::string parameter;
  optim::AdamState state;
};

// Trains config.task for `steps` steps with Adam and fp32 state, and returns the state of every parameter of
// at least config.min_8bit_size elements: those that 8-bit codecs store.
std::vector<NamedAdamState> trained_state(TrainConfig config, const TextData& data, int64_t steps);

}  // namespace octet::tools
