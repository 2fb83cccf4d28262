#include "datasets/split.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

TextData load(const TrainConfig& config, const EarlierVocabulary& vocabulary) {
  const TextCorpus corpus = load_sms(places_of(config));
  require_trainable(corpus);
  const Split split =
      split_rows(corpus.rows(), static_cast<uint64_t>(config.split_seed), 1 - config.validation_share);
  TextData data{.source = corpus.source(), .sha256 = corpus.sha256, .generated = corpus.generated};
  data.label_names = corpus.label_names;
  data.encoder = vocabulary ? token_encoder(config, *vocabulary) : count_tokens(config, corpus, split.train);
  data.train = encode_rows(data.encoder, corpus, split.train, false);
  data.validation = encode_rows(data.encoder, corpus, split.validation, true);
  return data;
}

}  // namespace

Task sms_task() {
  return {"sms", "spam among text messages", [](TrainConfig&) {}, load, token_encoder, nullptr};
}

}  // namespace octet::tools
