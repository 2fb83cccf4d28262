#include "nn/models/lstm_classifier.h"

namespace octet {

LstmClassifier::LstmClassifier(const LstmClassifierConfig& config, const Init& init)
    : config_(config),
      embedding_(make_embedding(config.vocabulary, config.embedding, config.stable_embedding,
                                config.freeze_embedding, init.part("embedding"))),
      lstm_({config.embedding, config.hidden, config.layers, config.bidirectional}, config.dropout,
            init.part("lstm")),
      head_dropout_(config.head_dropout),
      fc_(config.hidden * (config.bidirectional ? 2 : 1), config.outputs, init.part("fc")) {
  part("embedding", *embedding_);
  part("lstm", lstm_);
  part("fc", fc_);
}

Variable LstmClassifier::forward(const PackedIds& ids, Rng* masks) const {
  const PackedIds texts = lstm_.can_share(masks) ? ids : without_sharing(ids);
  const LstmResult result = lstm_.forward(embedding_->forward(texts.ids), texts.packing, masks, texts.index);
  // The top layer's cells are the last ones: forward, then reverse.
  const int64_t cells = result.h_n.size(0), batch = texts.packing->batch();
  const auto last = [&](int64_t cell) {
    return reshape(slice(result.h_n, 0, cell, cell + 1), {batch, config_.hidden});
  };
  const Variable top =
      config_.bidirectional ? concat({last(cells - 2), last(cells - 1)}, 1) : last(cells - 1);
  return fc_.forward(head_dropout_.forward(top, masks));
}

}  // namespace octet
