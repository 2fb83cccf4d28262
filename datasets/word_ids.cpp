#include "datasets/word_ids.h"

#include <algorithm>
#include <memory>

#include "datasets/input_file.h"
#include "datasets/review_words.h"
#include "datasets/sha256.h"

namespace octet {
namespace {

void cut(std::vector<int32_t>& ids, int64_t longest, Keep keep) {
  const auto surplus = static_cast<int64_t>(ids.size()) - longest;
  if (surplus <= 0) return;
  if (keep == Keep::Last) ids.erase(ids.begin(), ids.begin() + surplus);
  ids.resize(static_cast<size_t>(longest));
}

void check_longest(int64_t longest) {
  require(longest >= 1, "word sequences: at most ", longest, " ids a row; at least 1 is needed");
}

}  // namespace

WordVocabulary::WordVocabulary(std::vector<std::string> words) {
  auto table = std::make_shared<Table>();
  table->words = std::move(words);
  table->ids.reserve(table->words.size());
  for (size_t i = 1; i < table->words.size(); ++i)
    table->ids.emplace(table->words[i], static_cast<int32_t>(i));
  table_ = std::move(table);
}

WordVocabulary WordVocabulary::most_frequent(const WordCorpus& corpus, std::span<const WordCount> counts,
                                             int64_t size) {
  require(size >= 1, "vocabulary: ", size, " words; at least 1 is needed");
  std::vector<std::string> words = {std::string(kPaddingName)};
  for (const WordCount& count : counts.first(std::min(counts.size(), static_cast<size_t>(size))))
    words.push_back(corpus.words.at(static_cast<size_t>(count.word)));
  return WordVocabulary(std::move(words));
}

WordVocabulary WordVocabulary::from_text(std::string_view text, const std::string& name, ErrorKind kind) {
  std::vector<std::string> words;
  std::unordered_map<std::string_view, size_t> line_of;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const size_t line = words.size() + 1;
    require((line == 1) == (word == kPaddingName), kind, name, ", line ", line,
            ": '<pad>' stands in line 1 and nowhere else");
    require(!word.empty(), kind, name, ", line ", line, ": an empty word");
    const auto [first, is_new] = line_of.try_emplace(word, line);
    require(is_new, kind, name, ", line ", line, ": the word '", word, "' is in line ", first->second,
            " already");
    words.emplace_back(word);
  }
  require(words.size() > 1, kind, name, ": the vocabulary holds no words");
  return WordVocabulary(std::move(words));
}

WordVocabulary WordVocabulary::load(const std::filesystem::path& path, ErrorKind kind) {
  try {
    return from_text(read_input_file(path), path.string(), kind);
  } catch (const Error& error) {
    throw Error(kind, error.what());
  }
}

std::string WordVocabulary::text() const {
  std::string out;
  for (const std::string& word : table_->words) out.append(word).append("\n");
  return out;
}

std::string WordVocabulary::hash() const { return sha256_hex(text()).substr(0, 16); }

const std::string& WordVocabulary::word(int32_t id) const {
  require(id >= 0 && id < size(), "vocabulary: id ", id, " is not in 0 to ", size() - 1);
  return table_->words[static_cast<size_t>(id)];
}

std::optional<int32_t> WordVocabulary::find(std::string_view word) const {
  const auto found = table_->ids.find(word);
  return found == table_->ids.end() ? std::nullopt : std::optional(found->second);
}

std::vector<int32_t> WordVocabulary::ids_of(const WordCorpus& corpus) const {
  std::vector<int32_t> ids;
  ids.reserve(corpus.words.size());
  for (const std::string& word : corpus.words) ids.push_back(find(word).value_or(kPadding));
  return ids;
}

std::vector<std::vector<int32_t>> word_sequences(const WordCorpus& corpus, std::span<const int32_t> ids,
                                                 std::span<const int32_t> rows, int64_t longest, Keep keep) {
  check_longest(longest);
  require(ids.size() == corpus.words.size(), "word_sequences: ", ids.size(), " ids for ", corpus.words.size(),
          " words");
  std::vector<std::vector<int32_t>> sequences;
  sequences.reserve(rows.size());
  for (const int32_t row : rows) {
    require(row >= 0 && row < corpus.rows(), "word_sequences: row ", row, " of ", corpus.rows());
    std::vector<int32_t>& sequence = sequences.emplace_back();
    for (const int32_t word : corpus.row(row))
      if (const int32_t id = ids[static_cast<size_t>(word)]) sequence.push_back(id);
    cut(sequence, longest, keep);
  }
  return sequences;
}

std::vector<int32_t> word_sequence(const WordVocabulary& vocabulary, std::string_view text, int64_t longest,
                                   Keep keep) {
  check_longest(longest);
  std::vector<int32_t> sequence;
  // Stop words have no id unless the vocabulary was made by other rules, so they need no look-up of their
  // own.
  for (ReviewWords words(text); words.next();)
    if (const auto id = vocabulary.find(words.word())) sequence.push_back(*id);
  cut(sequence, longest, keep);
  return sequence;
}

std::vector<int32_t> left_padded(std::span<const std::vector<int32_t>> sequences, int64_t length) {
  std::vector<int32_t> matrix(sequences.size() * static_cast<size_t>(length), WordVocabulary::kPadding);
  auto row_end = matrix.begin();
  for (const std::vector<int32_t>& sequence : sequences) {
    require(static_cast<int64_t>(sequence.size()) <= length, "left_padded: a sequence of ", sequence.size(),
            " ids in rows of ", length);
    row_end += length;
    std::copy(sequence.begin(), sequence.end(), row_end - static_cast<int64_t>(sequence.size()));
  }
  return matrix;
}

}  // namespace octet
