#include "tools/tasks.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/error.h"
#include "core/names.h"
#include "datasets/label_table.h"
#include "datasets/tokenizer.h"

namespace octet::tools {
namespace {

const auto& tasks() {
  static const std::array table = {sms_task(), imdb_task(), text_task()};
  return table;
}

TextData load(const TrainConfig& config, const EarlierVocabulary& vocabulary) {
  TextData data = task_of(config).load(config, vocabulary);
  if (config.class_weights == "balanced")
    data.class_weights = balanced_weights(data.train.labels, data.classes());
  if (!vocabulary && !config.glove.empty()) {
    data.vectors = load_word_vectors(config, data.encoder, data.train.sequences);
    data.glove_sha256 = data.vectors->glove.sha256;
  }
  return data;
}

}  // namespace

const Task& task_of(const TrainConfig& config) {
  require_name("task", config.task, kTasks);
  return *std::ranges::find_if(tasks(), [&](const Task& task) { return task.name == config.task; });
}

TextData load_text_data(const TrainConfig& config) { return load(config, std::nullopt); }
TextData load_text_data(const TrainConfig& config, const std::string& vocabulary_path) {
  return load(config, vocabulary_path);
}

EncodedTexts encode_rows(const TextEncoder& encoder, const TextCorpus& corpus,
                         const std::vector<int32_t>& rows, bool keep_texts) {
  EncodedTexts out;
  for (const int32_t number : rows) {
    const auto row = static_cast<size_t>(number);
    out.sequences.push_back(encoder.ids(corpus.texts[row]));
    out.labels.push_back(corpus.labels[row]);
    if (keep_texts) out.texts.push_back(corpus.texts[row]);
  }
  return out;
}

TextEncoder count_tokens(const TrainConfig& config, const TextCorpus& corpus,
                         const std::vector<int32_t>& rows) {
  TokenCounts counts;
  for (const int32_t row : rows)
    for (const std::string_view token : english_tokens(corpus.texts[static_cast<size_t>(row)]))
      counts.add(token);
  TextEncoder encoder(Vocabulary::from_counts(counts, config.min_freq, config.max_words), config);
  require(encoder.size() > encoder.specials(), ErrorKind::Usage, "no word of the training rows occurs ",
          config.min_freq, " times; give a smaller --min-freq");
  return encoder;
}

TextEncoder token_encoder(const TrainConfig& config, const std::string& vocabulary_path) {
  return {Vocabulary::load(vocabulary_path, ErrorKind::Checkpoint), config};
}

DataPlaces places_of(const TrainConfig& config) {
  return DataPlaces::of_this_process(config.data.empty() ? std::nullopt
                                                         : std::optional<std::filesystem::path>(config.data));
}

}  // namespace octet::tools
