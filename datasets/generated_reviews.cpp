// generate_imdb: reviews of the invented language.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/generator.h"
#include "datasets/imdb.h"
#include "datasets/invented_words.h"
#include "datasets/sha256.h"
#include "datasets/stop_words.h"

namespace octet {
namespace {

constexpr size_t kWords = 60'000;      // of the language; more than the vocabulary of the experiment by far
constexpr uint64_t kStopPercent = 56;  // a real review has fewer, but some that are drawn count as others
constexpr LengthPoints kLengths = {4,   88,  124, 170,
                                   265, 420, 820, 2000};  // in words; the mean is that of real ones

// Words that say which of the two a review is, from the frequent ones, so that a small vocabulary has them.
constexpr size_t kOpinions = 120, kOpinionsFrom = 60, kOpinionsTo = 800;

// Four throws of a hundred from one number: many words are made, and numbers are what takes the time.
class Dice {
 public:
  explicit Dice(Rng& rng) : bits_(rng.next_u32()) {}
  uint64_t percent() {  // 0 to 99
    const uint32_t byte = bits_ & 0xFF;
    bits_ >>= 8;
    return byte * 100 / 256;
  }

 private:
  uint32_t bits_;
};

class Reviewer {
 public:
  explicit Reviewer(const Rng& rng)
      : words_(invent_words(rng.split("words"), kWords)),
        common_(kWords),
        stop_(english_stop_words().size()),
        opinion_(kOpinions) {
    std::vector<size_t> places;
    for (size_t i = kOpinionsFrom; i < kOpinionsTo; ++i) places.push_back(i);
    rng.split("opinions").shuffle(places.begin(), places.end());
    for (auto& list : opinions_) {
      list.assign(places.end() - kOpinions, places.end());
      places.resize(places.size() - kOpinions);
    }
  }

  std::string review(Rng rng, int32_t label) const {
    // Percentages of opinions of the review's own side, how plainly it speaks, and of the other side.
    const uint64_t own = 5 + rng.below(18), other = 3 + rng.below(2);
    std::string text;
    bool sentence_begins = true;
    for (int64_t left = draw_length(rng, kLengths); left > 0; --left) {
      Dice dice(rng);
      const std::string_view word = dice.percent() < kStopPercent
                                        ? english_stop_words()[stop_.draw(rng)]
                                        : content_word(rng, dice.percent(), label, own, other);
      if (!text.empty()) text.push_back(' ');
      text.append(word);
      char& first = text[text.size() - word.size()];
      if (sentence_begins && first >= 'a') first = static_cast<char>(first - 'a' + 'A');
      sentence_begins = left > 1 && dice.percent() < 6;
      if (sentence_begins || left == 1) {
        text.append(std::array{".", ".", ".", "!", "?"}[rng.below(5)]);
        if (sentence_begins && dice.percent() < 8) text.append("<br /><br />");
      } else if (dice.percent() < 5) {
        text.push_back(',');
      }
    }
    return text;
  }

 private:
  std::string_view content_word(Rng& rng, uint64_t at, int32_t label, uint64_t own, uint64_t other) const {
    if (at >= own + other) return words_[common_.draw(rng)];
    return words_[opinions_[at < own ? label : 1 - label][opinion_.draw(rng)]];
  }

  std::vector<std::string> words_;
  std::array<std::vector<size_t>, 2> opinions_;  // by label
  Zipf common_, stop_, opinion_;
};

}  // namespace

TextCorpus generate_imdb(uint64_t seed, int64_t rows) {
  require(rows >= 2, "generate_imdb: ", rows, " rows; at least 2 are needed");
  const Rng rng = Rng(seed).split("generated imdb");
  TextCorpus corpus;
  corpus.name = "imdb";
  corpus.generated = true;
  corpus.encoding = "UTF-8";
  corpus.label_names = {"negative", "positive"};
  corpus.labels.assign(static_cast<size_t>(rows), 0);
  std::fill_n(corpus.labels.begin(), rows / 2, 1);
  rng.split("labels").shuffle(corpus.labels.begin(), corpus.labels.end());
  corpus.texts.resize(static_cast<size_t>(rows));
  const Reviewer reviewer(rng);
  cpu::parallel_ranges(rows, 256, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const auto at = static_cast<size_t>(row);
      corpus.texts[at] = reviewer.review(rng.split("review " + std::to_string(row)), corpus.labels[at]);
    }
  });
  corpus.sha256 = sha256_hex(imdb_as_csv(corpus));
  return corpus;
}

}  // namespace octet
