// The text classifier of the SMS and IMDB experiments: embedding, LSTM, and one linear layer on the last
// hidden states of the top layer. One logit (binary cross-entropy) or one a class (cross-entropy).
#pragma once

#include <memory>

#include "nn/layers.h"
#include "nn/models/text_classifier.h"

namespace octet {

struct LstmClassifierConfig {
  int64_t vocabulary = 0;  // rows of the embedding
  int64_t embedding = 100;
  bool stable_embedding = false;  // StableEmbedding: with embedding.norm.weight and embedding.norm.bias
  bool freeze_embedding = false;
  int64_t hidden = 64;
  int64_t layers = 2;
  bool bidirectional = true;
  double dropout = 0.2;     // between layers
  double head_dropout = 0;  // before the linear layer
  int64_t outputs = 1;      // logits a text
};

class LstmClassifier : public TextClassifier {
 public:
  LstmClassifier(const LstmClassifierConfig& config, const Init& init);
  Variable forward(const PackedIds& texts, Rng* masks) const override;

 private:
  LstmClassifierConfig config_;
  std::unique_ptr<Embedding> embedding_;
  LSTM lstm_;
  Dropout head_dropout_;
  Linear fc_;
};

}  // namespace octet
