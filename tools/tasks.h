// What can be trained: one file in tasks/ and one line in tasks.cpp each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "datasets/locate.h"
#include "tools/config.h"
#include "tools/text_data.h"

namespace octet::tools {

// vocab.txt of an earlier run; none for a new one.
using EarlierVocabulary = std::optional<std::string>;

struct Task {
  std::string_view name, summary;
  void (*defaults)(TrainConfig& config);  // its settings, where they are not TrainConfig's own
  // All but word vectors and class weights.
  TextData (*load)(const TrainConfig& config, const EarlierVocabulary& vocabulary);
  // How vocab.txt is read. Errors (Checkpoint), naming file and line.
  TextEncoder (*encoder)(const TrainConfig& config, const std::string& vocabulary_path);
  // All rows of one more file, with the labels of a run; null where a task has one corpus.
  EncodedTexts (*read_beside)(const TrainConfig& config, const std::string& path,
                              const std::vector<std::string>& label_names, const TextEncoder& encoder);
};

// Errors (Usage): there is none of that name.
const Task& task_of(const TrainConfig& config);

// For the tasks' files.
Task sms_task();
Task imdb_task();
Task text_task();

// The English tokens of some texts as ids.
EncodedTexts encode_rows(const TextEncoder& encoder, const TextCorpus& corpus,
                         const std::vector<int32_t>& rows, bool keep_texts);
// The vocabulary of the texts in `rows`.
TextEncoder count_tokens(const TrainConfig& config, const TextCorpus& corpus,
                         const std::vector<int32_t>& rows);
TextEncoder token_encoder(const TrainConfig& config, const std::string& vocabulary_path);
// The places to look for data in: --data, or the usual ones.
DataPlaces places_of(const TrainConfig& config);

}  // namespace octet::tools
