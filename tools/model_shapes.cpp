#include "tools/model_shapes.h"

namespace octet::tools {
namespace {

void add_lstm(const TrainConfig& config, std::vector<ModelParameter>& all) {
  const int64_t gates = 4 * config.hidden, directions = config.model == "bilstm" ? 2 : 1;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (int64_t direction = 0; direction < directions; ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
      const int64_t input = layer == 0 ? config.embedding : directions * config.hidden;
      all.push_back({"lstm.weight_ih" + suffix, {gates, input}});
      all.push_back({"lstm.weight_hh" + suffix, {gates, config.hidden}});
      all.push_back({"lstm.bias_ih" + suffix, {gates}});
      all.push_back({"lstm.bias_hh" + suffix, {gates}});
    }
}

}  // namespace

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
  all.push_back({"fc.weight", {outputs, width}});
  all.push_back({"fc.bias", {outputs}});
  return all;
}

}  // namespace octet::tools
