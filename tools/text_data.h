// A text corpus ready for training: split, tokenized, with the vocabulary of its training rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/vocabulary.h"
#include "tools/config.h"
#include "tools/word_vectors.h"

namespace octet::tools {

struct LabelledTexts {
  std::vector<std::vector<int32_t>> sequences;  // token ids; none empty
  std::vector<int32_t> labels;                  // indices of label_names
  std::vector<std::string> texts;               // as they were read; of validation rows alone

  int64_t rows() const { return static_cast<int64_t>(labels.size()); }
};

struct TextData {
  std::string source, sha256;  // for messages and logs
  bool generated = false;
  std::vector<std::string> label_names;
  Vocabulary vocabulary;
  LabelledTexts train, validation;
  std::optional<WordVectors> vectors;  // for the embedding of a new run, where --glove names some
  std::string glove_sha256;            // of their file, also in a run that goes on; empty: none
};

// The corpus of config.task from config.data or the usual places, split by config.split_seed. With `known`,
// the vocabulary of an earlier run, ids are those of that run; else it is counted on the training rows.
// Errors (Data): what the corpus' reader reports, and that of word vectors. Those are for a new run alone:
// with `known` they are not read.
TextData load_text_data(const TrainConfig& config, const std::optional<Vocabulary>& known = std::nullopt);

// The ids of one text; a text without tokens is a single <unk>.
std::vector<int32_t> text_ids(const Vocabulary& vocabulary, std::string_view text);

}  // namespace octet::tools
