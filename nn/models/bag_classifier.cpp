#include "nn/models/bag_classifier.h"

namespace octet {
namespace {

std::unique_ptr<Embedding> make_embedding(const BagClassifierConfig& config, const Init& init) {
  if (config.stable_embedding)
    return std::make_unique<StableEmbedding>(config.vocabulary, config.embedding, init);
  return std::make_unique<Embedding>(config.vocabulary, config.embedding, init);
}

}  // namespace

BagClassifier::BagClassifier(const BagClassifierConfig& config, const Init& init)
    : embedding_(make_embedding(config, init.part("embedding"))),
      dropout_(config.dropout),
      fc_(config.embedding, config.outputs, init.part("fc")) {
  part("embedding", *embedding_);
  part("fc", fc_);
}

Variable BagClassifier::forward(const PackedIds& texts, Rng* masks) const {
  const Variable distinct = embedding_->forward(texts.ids);
  const Variable words = texts.index.defined() ? embedding(distinct, texts.index) : distinct;
  return fc_.forward(dropout_.forward(mean_over_time(words, texts.packing), masks));
}

}  // namespace octet
