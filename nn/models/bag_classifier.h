// The baseline that knows no word order: the mean of a text's embeddings, and one linear layer. One logit
// (binary cross-entropy) or one a class (cross-entropy). Joulin et al., "Bag of Tricks for Efficient Text
// Classification", EACL 2017, with words alone (no n-grams, no hierarchical softmax).
#pragma once

#include <memory>

#include "nn/layers.h"
#include "nn/models/text_classifier.h"

namespace octet {

struct BagClassifierConfig {
  int64_t vocabulary = 0;  // rows of the embedding
  int64_t embedding = 100;
  bool stable_embedding = false;  // StableEmbedding: with embedding.norm.weight and embedding.norm.bias
  bool freeze_embedding = false;
  double dropout = 0;   // of the mean, before the linear layer
  int64_t outputs = 1;  // logits a text
};

class BagClassifier : public TextClassifier {
 public:
  BagClassifier(const BagClassifierConfig& config, const Init& init);
  Variable forward(const PackedIds& texts, Rng* masks) const override;

 private:
  std::unique_ptr<Embedding> embedding_;
  Dropout dropout_;
  Linear fc_;
};

}  // namespace octet
