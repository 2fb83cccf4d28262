#include "datasets/word_corpus.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/review_words.h"
#include "datasets/stop_words.h"

namespace octet {
namespace {

constexpr int64_t kRowsAtOnce = 1024;
constexpr int32_t kStopWord = -1;

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Word -> number, in the order in which words are first seen.
class Numbering {
 public:
  void exclude(std::string_view word) { numbers_.emplace(word, kStopWord); }

  int32_t number(std::string_view word) {
    const auto found = numbers_.find(word);
    if (found != numbers_.end()) return found->second;
    const auto [added, is_new] = numbers_.emplace(word, static_cast<int32_t>(words_.size()));
    words_.push_back(&added->first);  // stays where it is: the map has a node for every key
    return added->second;
  }

  const std::vector<const std::string*>& words() const { return words_; }

 private:
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> numbers_;
  std::vector<const std::string*> words_;
};

// Some rows of the corpus, numbered on their own.
struct Piece {
  Numbering numbering;
  std::vector<int32_t> word_of;
  std::vector<int64_t> lengths;  // of the rows
  int64_t words_seen = 0;

  void add(std::string_view text) {
    const size_t begin = word_of.size();
    for (ReviewWords words(text); words.next(); ++words_seen) {
      if (words.word().empty()) continue;
      const int32_t number = numbering.number(words.word());
      if (number != kStopWord) word_of.push_back(number);
    }
    lengths.push_back(static_cast<int64_t>(word_of.size() - begin));
  }
};

}  // namespace

std::string WordCorpus::source() const {
  if (generated) return "generated";
  return entry.empty() ? path : path + " (" + entry + ")";
}

WordCorpus word_corpus(const TextCorpus& corpus) {
  WordCorpus out;
  out.name = corpus.name;
  out.path = corpus.path;
  out.entry = corpus.entry;
  out.sha256 = corpus.sha256;
  out.encoding = corpus.encoding;
  out.generated = corpus.generated;
  out.labels = corpus.labels;
  out.label_names = corpus.label_names;

  const int64_t rows = corpus.rows();
  std::vector<Piece> pieces(static_cast<size_t>((rows + kRowsAtOnce - 1) / kRowsAtOnce));
  cpu::parallel_ranges(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
    Piece& piece = pieces[static_cast<size_t>(begin / kRowsAtOnce)];
    for (const std::string_view word : english_stop_words()) piece.numbering.exclude(word);
    for (int64_t row = begin; row < end; ++row) piece.add(corpus.texts[static_cast<size_t>(row)]);
  });

  // Pieces in order and each one's words in order of appearance: so are the words of the whole.
  Numbering all;
  std::vector<std::vector<int32_t>> renumbered;
  for (const Piece& piece : pieces) {
    std::vector<int32_t>& numbers = renumbered.emplace_back();
    for (const std::string* word : piece.numbering.words()) numbers.push_back(all.number(*word));
    for (const int64_t length : piece.lengths) out.row_begin.push_back(out.row_begin.back() + length);
    out.words_seen += piece.words_seen;
  }
  out.word_of.resize(static_cast<size_t>(out.row_begin.back()));
  cpu::parallel_for(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    const int64_t first = out.row_begin[at * kRowsAtOnce];
    std::transform(pieces[at].word_of.begin(), pieces[at].word_of.end(), out.word_of.begin() + first,
                   [&](int32_t number) { return renumbered[at][static_cast<size_t>(number)]; });
  });
  out.words.reserve(all.words().size());
  for (const std::string* word : all.words()) out.words.push_back(*word);
  return out;
}

std::vector<WordCount> count_words(const WordCorpus& corpus, std::span<const int32_t> rows) {
  std::vector<int64_t> counts(corpus.words.size());
  std::vector<WordCount> seen;
  for (const int32_t row : rows) {
    require(row >= 0 && row < corpus.rows(), "count_words: row ", row, " of ", corpus.rows());
    for (const int32_t word : corpus.row(row))
      if (counts[static_cast<size_t>(word)]++ == 0) seen.push_back({word, 0});
  }
  for (WordCount& word : seen) word.count = counts[static_cast<size_t>(word.word)];
  std::stable_sort(seen.begin(), seen.end(),
                   [](const WordCount& a, const WordCount& b) { return a.count > b.count; });
  return seen;
}

}  // namespace octet
