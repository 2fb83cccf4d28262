// From words to the ids that a model reads: a vocabulary of the most frequent words, and sequences of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "datasets/word_corpus.h"

namespace octet {

// Id 0 is padding, words have the ids from 1 on. There is no id for unknown words: they are left out. A value
// that is cheap to copy: copies share the table, which never changes.
class WordVocabulary {
 public:
  static constexpr int32_t kPadding = 0;
  static constexpr std::string_view kPaddingName = "<pad>";  // no cleaned word has such signs

  // The first `size` of `counts`, or all where there are fewer. Errors (Usage): size < 1.
  static WordVocabulary most_frequent(const WordCorpus& corpus, std::span<const WordCount> counts,
                                      int64_t size);

  // The word on line n has id n-1, and <pad> is on line 1; lines end with '\n'. Errors name the file and the
  // line, two lines for a word given twice, and are of `kind`.
  static WordVocabulary from_text(std::string_view text, const std::string& name,
                                  ErrorKind kind = ErrorKind::Data);
  static WordVocabulary load(const std::filesystem::path& path, ErrorKind kind = ErrorKind::Data);
  std::string text() const;  // what the file holds
  std::string hash() const;  // SHA-256 of text(), its first 16 digits

  int32_t size() const { return static_cast<int32_t>(table_->words.size()); }  // ids, padding among them
  const std::string& word(int32_t id) const;  // a usage error outside of 0..size()-1
  std::optional<int32_t> find(std::string_view word) const;

  // For each of corpus.words its id, or 0.
  std::vector<int32_t> ids_of(const WordCorpus& corpus) const;

 private:
  struct Table {
    std::vector<std::string> words;
    std::unordered_map<std::string_view, int32_t> ids;  // views into `words`
  };
  explicit WordVocabulary(std::vector<std::string> words);

  std::shared_ptr<const Table> table_;
};

enum class Keep { First, Last };  // which end of a sequence that is too long

// The ids of the known words of some rows, in order, at most `longest` a row; rows without any are empty.
// `ids` is what WordVocabulary::ids_of gives.
std::vector<std::vector<int32_t>> word_sequences(const WordCorpus& corpus, std::span<const int32_t> ids,
                                                 std::span<const int32_t> rows, int64_t longest, Keep keep);

// The same of one text.
std::vector<int32_t> word_sequence(const WordVocabulary& vocabulary, std::string_view text, int64_t longest,
                                   Keep keep);

// Sequences of at most `length` ids as a matrix [sequences, length], row after row, zeros on the left.
std::vector<int32_t> left_padded(std::span<const std::vector<int32_t>> sequences, int64_t length);

}  // namespace octet
