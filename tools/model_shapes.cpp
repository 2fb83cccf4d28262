#include "tools/model_shapes.h"

#include <algorithm>

#include "nn/init.h"

namespace octet::tools {
namespace {

void add_lstm(const TrainConfig& config, std::vector<ModelParameter>& all) {
  const int64_t gates = 4 * config.hidden, directions = config.model == "bilstm" ? 2 : 1;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (int64_t direction = 0; direction < directions; ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
      const int64_t input = layer == 0 ? config.embedding : directions * config.hidden;
      all.push_back({.name = "lstm.weight_ih" + suffix, .shape = {gates, input}});
      all.push_back({.name = "lstm.weight_hh" + suffix, .shape = {gates, config.hidden}});
      all.push_back({.name = "lstm.bias_ih" + suffix, .shape = {gates}});
      all.push_back({.name = "lstm.bias_hh" + suffix, .shape = {gates}});
    }
}

}  // namespace

int64_t bf16_from(const TrainConfig& config) {
  return config.weight_dtype == "bf16" ? std::max<int64_t>(1, config.min_8bit_size) : 0;
}

TrainConfig result_config(const TrainConfig& config) {
  TrainConfig result = config;
  if (config.ema > 0) result.weight_dtype = "fp32";
  return result;
}

std::vector<ModelParameter> model_parameters(const TrainConfig& config, int64_t vocabulary, int64_t outputs) {
  const bool stable = config.embedding_layer == "stable", bag = config.model == "bag";
  std::vector<ModelParameter> all = {{.name = "embedding.weight",
                                      .shape = {vocabulary, config.embedding},
                                      .trained = !config.freeze_embedding,
                                      .full_precision_state = stable}};
  if (stable)
    for (const char* name : {"embedding.norm.weight", "embedding.norm.bias"})
      all.push_back(
          {.name = name, .shape = {config.embedding}, .full_precision_state = true, .drawn = false});
  if (!bag) add_lstm(config, all);
  const int64_t width = bag ? config.embedding : config.hidden * (config.model == "bilstm" ? 2 : 1);
  all.push_back({.name = "fc.weight", .shape = {outputs, width}});
  all.push_back({.name = "fc.bias", .shape = {outputs}});
  for (ModelParameter& parameter : all)
    parameter.dtype = stored_as(parameter.shape, DType::F32, bf16_from(config));
  return all;
}

}  // namespace octet::tools
