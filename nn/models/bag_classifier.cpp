#include "nn/models/bag_classifier.h"

namespace octet {

BagClassifier::BagClassifier(const BagClassifierConfig& config, const Init& init)
    : embedding_(make_embedding(config.vocabulary, config.embedding, config.stable_embedding,
                                config.freeze_embedding, init.part("embedding"))),
      dropout_(config.dropout),
      fc_(config.embedding, config.outputs, init.part("fc")) {
  part("embedding", *embedding_);
  part("fc", fc_);
}

Variable BagClassifier::forward(const PackedIds& ids, Rng* masks) const {
  const PackedIds texts = without_sharing(ids);
  const Variable distinct = embedding_->forward(texts.ids);
  const Variable words = texts.index.defined() ? embedding(distinct, texts.index) : distinct;
  return fc_.forward(dropout_.forward(mean_over_time(words, texts.packing), masks));
}

}  // namespace octet
