#include "datasets/word_corpus.h"

#include <algorithm>
#include <string_view>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/review_words.h"
#include "datasets/stop_words.h"
#include "datasets/word_table.h"

namespace octet {
namespace {

constexpr int64_t kRowsAtOnce = 1024;

// Some rows of the corpus, their words numbered on their own.
class Piece {
 public:
  Piece() {
    for (const std::string_view word : english_stop_words()) table_.number(word);
    stop_words_ = table_.size();
  }

  void add(std::string_view text) {
    const size_t begin = word_of.size();
    for (ReviewWords cursor(text); cursor.next(); ++words_seen) {
      if (cursor.word().empty()) continue;
      const int32_t number = table_.number(cursor.word()) - stop_words_;
      if (number >= 0) word_of.push_back(number);
    }
    lengths.push_back(static_cast<int64_t>(word_of.size() - begin));
  }

  int32_t words() const { return table_.size() - stop_words_; }
  std::string_view word(int32_t number) const { return table_.word(number + stop_words_); }

  std::vector<int32_t> word_of;  // numbers of the kept words of all rows
  std::vector<int64_t> lengths;  // of the rows
  int64_t words_seen = 0;

 private:
  WordTable table_;
  int32_t stop_words_;
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
    for (int64_t row = begin; row < end; ++row) piece.add(corpus.texts[static_cast<size_t>(row)]);
  });

  // Pieces in order and each one's words in order of appearance: so are the words of the whole.
  WordTable all;
  std::vector<std::vector<int32_t>> renumbered;
  for (const Piece& piece : pieces) {
    std::vector<int32_t>& numbers = renumbered.emplace_back();
    for (int32_t i = 0; i < piece.words(); ++i) numbers.push_back(all.number(piece.word(i)));
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
  out.words.reserve(static_cast<size_t>(all.size()));
  for (int32_t i = 0; i < all.size(); ++i) out.words.emplace_back(all.word(i));
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
