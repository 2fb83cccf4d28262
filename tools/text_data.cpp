#include "tools/text_data.h"

#include "datasets/batches.h"
#include "datasets/locate.h"
#include "datasets/split.h"
#include "datasets/tokenizer.h"

namespace octet::tools {
namespace {

LabelledTexts encoded(const Vocabulary& vocabulary, const TextCorpus& corpus,
                      const std::vector<std::vector<std::string_view>>& tokens,
                      const std::vector<int32_t>& rows) {
  LabelledTexts texts;
  for (const int32_t row : rows) {
    texts.sequences.push_back(vocabulary.encode(tokens[static_cast<size_t>(row)]));
    texts.labels.push_back(corpus.labels[static_cast<size_t>(row)]);
  }
  replace_empty(texts.sequences, Vocabulary::kUnknown);
  return texts;
}

}  // namespace

TextData load_text_data(const TrainConfig& config, const std::optional<Vocabulary>& known) {
  const auto asked = config.data.empty() ? std::nullopt : std::optional<std::filesystem::path>(config.data);
  const TextCorpus corpus = load_sms(DataPlaces::of_this_process(asked));
  require_trainable(corpus);
  const Split split = split_rows(corpus.rows(), static_cast<uint64_t>(config.split_seed));
  std::vector<std::vector<std::string_view>> tokens;
  tokens.reserve(corpus.texts.size());
  for (const std::string& text : corpus.texts) tokens.push_back(english_tokens(text));

  TextData data{corpus.source(), corpus.sha256, corpus.generated, corpus.label_names, {}, {}, {}, {}, {}};
  if (known) {
    data.vocabulary = *known;
  } else {
    TokenCounts counts;
    for (const int32_t row : split.train)
      for (const std::string_view token : tokens[static_cast<size_t>(row)]) counts.add(token);
    data.vocabulary = Vocabulary::from_counts(counts, config.min_freq);
  }
  data.train = encoded(data.vocabulary, corpus, tokens, split.train);
  data.validation = encoded(data.vocabulary, corpus, tokens, split.validation);
  if (!known && !config.glove.empty()) {
    data.vectors = load_word_vectors(config, data.vocabulary, data.train.sequences);
    data.glove_sha256 = data.vectors->glove.sha256;
  }
  for (const int32_t row : split.validation)
    data.validation.texts.push_back(corpus.texts[static_cast<size_t>(row)]);
  return data;
}

std::vector<int32_t> text_ids(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<int32_t> ids = vocabulary.encode(english_tokens(text));
  if (ids.empty()) ids.push_back(Vocabulary::kUnknown);
  return ids;
}

}  // namespace octet::tools
