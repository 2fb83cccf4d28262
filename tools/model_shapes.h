// The parameters of the model that a config describes, without the model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shape.h"
#include "tools/config.h"

namespace octet::tools {

struct ModelParameter {
  std::string name;  // as checkpoints know it
  Shape shape;       // f32
  bool trained = true;
  bool full_precision_state = false;  // asked for by its layer
  bool drawn = true;                  // starts from random numbers, not from a constant
};

// In the order of make_model()'s. `vocabulary`: ids; `outputs`: logits a text.
std::vector<ModelParameter> model_parameters(const TrainConfig& config, int64_t vocabulary, int64_t outputs);

}  // namespace octet::tools
