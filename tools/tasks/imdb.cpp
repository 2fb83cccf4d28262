#include <limits>

#include "datasets/imdb_words.h"
#include "datasets/split.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

// As the report's experiment has them.
void defaults(TrainConfig& config) {
  config.model = "lstm";
  config.embedding = 64;
  config.dropout = 0;
  config.head_dropout = 0.3;
  config.batch_size = 50;
  config.batching = "shuffled";
  config.lr = 1e-3;
  config.clip_norm = 5;
  config.epochs = 5;
  config.max_words = 1000;
  config.min_freq = 1;
  config.max_length = 500;
  config.padding = "left";
}

TextEncoder load_encoder(const TrainConfig& config, const std::string& vocabulary_path) {
  return {WordVocabulary::load(vocabulary_path, ErrorKind::Checkpoint), config};
}

WordVocabulary most_frequent(const TrainConfig& config, const WordCorpus& corpus,
                             const std::vector<int32_t>& rows) {
  std::vector<WordCount> counts = count_words(corpus, rows);
  while (!counts.empty() && counts.back().count < config.min_freq) counts.pop_back();
  require(!counts.empty(), ErrorKind::Usage, "no word of the training rows occurs ", config.min_freq,
          " times; give a smaller --min-freq");
  const int64_t size = config.max_words > 0 ? config.max_words : std::numeric_limits<int32_t>::max();
  return WordVocabulary::most_frequent(corpus, counts, size);
}

// The cleaned words, which is what a model knows of a review.
std::string words_of(const WordCorpus& corpus, int32_t row) {
  std::string text;
  for (const int32_t word : corpus.row(row))
    text.append(text.empty() ? "" : " ").append(corpus.words[static_cast<size_t>(word)]);
  return text;
}

EncodedTexts encode(const TextEncoder& encoder, const std::vector<int32_t>& ids, const WordCorpus& corpus,
                    const std::vector<int32_t>& rows, bool keep_texts) {
  EncodedTexts out;
  out.sequences = word_sequences(corpus, ids, rows, std::numeric_limits<int64_t>::max(), Keep::First);
  for (std::vector<int32_t>& sequence : out.sequences) sequence = encoder.cut(std::move(sequence));
  for (const int32_t row : rows) {
    out.labels.push_back(corpus.labels[static_cast<size_t>(row)]);
    if (keep_texts) out.texts.push_back(words_of(corpus, row));
  }
  return out;
}

TextData load(const TrainConfig& config, const EarlierVocabulary& vocabulary) {
  const CachedWords read = load_imdb_words(places_of(config));
  const WordCorpus& corpus = read.corpus;
  const Split split =
      stratified_split(corpus.labels, config.validation_share, static_cast<uint64_t>(config.split_seed));
  TextData data{.source = corpus.source(), .sha256 = corpus.sha256, .generated = corpus.generated};
  if (!read.note.empty()) data.notes.push_back(read.note);
  data.label_names = corpus.label_names;
  const WordVocabulary words = vocabulary ? WordVocabulary::load(*vocabulary, ErrorKind::Checkpoint)
                                          : most_frequent(config, corpus, split.train);
  data.encoder = {words, config};
  const std::vector<int32_t> ids = words.ids_of(corpus);
  data.train = encode(data.encoder, ids, corpus, split.train, false);
  data.validation = encode(data.encoder, ids, corpus, split.validation, true);
  return data;
}

}  // namespace

Task imdb_task() {
  return {"imdb", "positive or negative film reviews", defaults, load, load_encoder, nullptr};
}

}  // namespace octet::tools
