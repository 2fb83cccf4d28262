// A text corpus ready for training: split and as ids, with the vocabulary of its training rows. How that is
// made from files is a matter of the task (tasks.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/column_choice.h"
#include "tools/config.h"
#include "tools/text_encoder.h"
#include "tools/word_vectors.h"

namespace octet::tools {

struct EncodedTexts {
  std::vector<std::vector<int32_t>> sequences;  // token ids; none empty
  std::vector<int32_t> labels;                  // indices of label_names
  std::vector<std::string> texts;               // for people to read; of training rows there are none

  int64_t rows() const { return static_cast<int64_t>(labels.size()); }
};

// Logits a text: two classes share one, more have one each.
constexpr int64_t logits_of(int64_t classes) { return classes == 2 ? 1 : classes; }

struct TextData {
  std::string source, sha256;  // for messages and logs
  bool generated = false;
  std::vector<std::string> notes;  // for a person, about what was read
  std::vector<std::string> label_names;
  TextEncoder encoder;
  EncodedTexts train, validation, test;  // test may have no rows
  ColumnFlags columns;                   // task text: of its file, as told or guessed; else none
  std::vector<double> class_weights;     // [labels] of a row's loss; empty: all 1
  std::optional<WordVectors> vectors;    // for the embedding of a new run, where --glove names some
  std::string glove_sha256;              // of their file, also in a run that goes on; empty: none

  int64_t classes() const { return static_cast<int64_t>(label_names.size()); }
  int64_t outputs() const { return logits_of(classes()); }
};

// The corpus of config.task, for a new run. Errors (Data): what the readers report.
TextData load_text_data(const TrainConfig& config);
// The same for a run that has a vocabulary already, the file vocab.txt of its folder, and so ids of its own;
// word vectors are not read then. Errors (Checkpoint) also: the vocabulary is damaged.
TextData load_text_data(const TrainConfig& config, const std::string& vocabulary_path);

}  // namespace octet::tools
