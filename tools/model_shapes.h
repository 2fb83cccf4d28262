// The parameters of the model that a config describes, without the model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "tools/config.h"

namespace octet::tools {

struct ModelParameter {
  std::string name;  // as checkpoints know it
  Shape shape;
  DType dtype = DType::F32;  // that it is stored in
  bool trained = true;
  bool full_precision_state = false;  // asked for by its layer
  bool drawn = true;                  // starts from random numbers, not from a constant
};

// Matrices of so many elements are stored in BF16 (see Init); 0: none.
int64_t bf16_from(const TrainConfig& config);
// The config of the model that is evaluated and saved as a run's result: averages (--ema) are f32 whatever
// the weights are stored in.
TrainConfig result_config(const TrainConfig& config);

// In the order of make_model()'s. `vocabulary`: ids; `outputs`: logits a text.
std::vector<ModelParameter> model_parameters(const TrainConfig& config, int64_t vocabulary, int64_t outputs);

}  // namespace octet::tools
