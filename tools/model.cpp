#include "tools/model.h"

#include "nn/models/bag_classifier.h"
#include "nn/models/lstm_classifier.h"
#include "tools/model_shapes.h"

namespace octet::tools {

std::unique_ptr<TextClassifier> make_model(const TrainConfig& config, int32_t vocabulary, int64_t outputs,
                                           Init init) {
  init.bf16_from = bf16_from(config);
  const bool stable = config.embedding_layer == "stable";
  if (config.model == "bag")
    return std::make_unique<BagClassifier>(BagClassifierConfig{.vocabulary = vocabulary,
                                                               .embedding = config.embedding,
                                                               .stable_embedding = stable,
                                                               .freeze_embedding = config.freeze_embedding,
                                                               .dropout = config.head_dropout,
                                                               .outputs = outputs},
                                           init);
  return std::make_unique<LstmClassifier>(LstmClassifierConfig{.vocabulary = vocabulary,
                                                               .embedding = config.embedding,
                                                               .stable_embedding = stable,
                                                               .freeze_embedding = config.freeze_embedding,
                                                               .hidden = config.hidden,
                                                               .layers = config.layers,
                                                               .bidirectional = config.model == "bilstm",
                                                               .dropout = config.dropout,
                                                               .head_dropout = config.head_dropout,
                                                               .outputs = outputs},
                                          init);
}

}  // namespace octet::tools
