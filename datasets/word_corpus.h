// A corpus of reviews as word numbers: everything that its texts are needed for in training, in a tenth of
// their size, so that any split and any size of vocabulary can be made from it in milliseconds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/text_corpus.h"

namespace octet {

struct WordCorpus {
  // As in TextCorpus.
  std::string name, path, entry, sha256, encoding;
  bool generated = false;
  std::vector<int32_t> labels;
  std::vector<std::string> label_names;

  int64_t words_seen = 0;                // before any was left out
  std::vector<std::string> words;        // the different ones that are kept, by their first occurrence
  std::vector<int64_t> row_begin = {0};  // [rows + 1]; where a row's words begin in word_of
  std::vector<int32_t> word_of;          // the kept words of all rows, indices of `words`

  int64_t rows() const { return static_cast<int64_t>(labels.size()); }
  std::span<const int32_t> row(int64_t i) const {
    const auto at = static_cast<size_t>(i);
    return {word_of.data() + row_begin[at], word_of.data() + row_begin[at + 1]};
  }
  std::string source() const;  // as TextCorpus::source

  bool operator==(const WordCorpus&) const = default;
};

// The words of kept_words() (review_words.h). Uses all threads; the result does not depend on how many.
WordCorpus word_corpus(const TextCorpus& corpus);

// How often each word occurs in `rows` of the corpus: the most frequent first, among equals the one that
// occurs first in `rows`, in the order in which they are given (as Python's Counter.most_common does).
struct WordCount {
  int32_t word;  // index of WordCorpus::words
  int64_t count;
};
std::vector<WordCount> count_words(const WordCorpus& corpus, std::span<const int32_t> rows);

}  // namespace octet
