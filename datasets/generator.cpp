#include "datasets/generator.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/invented_words.h"
#include "datasets/sha256.h"
#include "datasets/sms.h"

namespace octet {
namespace {

constexpr size_t kWords = 6000;     // words of the language, most frequent first
constexpr size_t kSpamWords = 120;  // those that spam leans on, drawn from the middle of the list
constexpr size_t kSpamWordsFrom = 150, kSpamWordsTo = 2500;

// Numbers of tokens, by label.
constexpr LengthPoints kLengths[2] = {{1, 5, 7, 12, 20, 32, 74, 170}, {2, 15, 22, 28, 31, 34, 38, 42}};

class Writer {
 public:
  explicit Writer(const Rng& rng)
      : rng_(rng.split("messages")),
        words_(invent_words(rng.split("words"), kWords)),
        common_(kWords),
        topic_(kSpamWords) {
    for (size_t i = kSpamWordsFrom; i < kSpamWordsTo; ++i) spam_words_.push_back(i);
    rng.split("spam words").shuffle(spam_words_.begin(), spam_words_.end());
    spam_words_.resize(kSpamWords);
  }

  std::string message(int32_t label) {
    const int64_t length = draw_length(rng_, kLengths[label]);
    // Percentage of words from the spam list: how plainly this message is spam.
    uint64_t leaning = rng_.below(2);
    if (label == 1) leaning = 15 + rng_.below(50);
    if (label == 0 && chance(rng_, 2)) leaning = 5 + rng_.below(20);
    std::string text;
    bool sentence_begins = true;
    for (int64_t i = 0; i < length; ++i) {
      if (!text.empty()) text.push_back(' ');
      std::string word = next_word(leaning);
      if (sentence_begins && word[0] >= 'a') word[0] = static_cast<char>(word[0] - 'a' + 'A');
      text.append(word);
      sentence_begins = i + 1 < length && chance(rng_, 12);
      if (sentence_begins || (i + 1 == length && chance(rng_, 60))) {
        text.append(std::array{".", ".", "...", "!", "?"}[rng_.below(5)]);
        ++i;  // the mark is a token too
      }
    }
    return text;
  }

 private:
  std::string next_word(uint64_t leaning) {
    const bool spam = chance(rng_, leaning);
    if (spam && chance(rng_, 15)) return number(3 + rng_.below(8));
    if (!spam && chance(rng_, 1)) return number(1 + rng_.below(3));
    return words_[spam ? spam_words_[topic_.draw(rng_)] : common_.draw(rng_)];
  }

  std::string number(uint64_t digits) {
    std::string text;
    for (uint64_t i = 0; i < digits; ++i) text.push_back(static_cast<char>('0' + rng_.below(10)));
    return text;
  }

  Rng rng_;
  std::vector<std::string> words_;
  std::vector<size_t> spam_words_;
  Zipf common_, topic_;
};

}  // namespace

TextCorpus generate_sms(uint64_t seed, int64_t rows, int64_t spam) {
  require(spam > 0 && spam < rows, "generate_sms: ", spam, " spam of ", rows, " rows");
  const Rng rng = Rng(seed).split("generated sms");
  TextCorpus corpus;
  corpus.name = "sms";
  corpus.generated = true;
  corpus.encoding = "UTF-8";
  corpus.label_names = {"ham", "spam"};
  corpus.labels.assign(static_cast<size_t>(rows), 0);
  std::fill_n(corpus.labels.begin(), spam, 1);
  rng.split("labels").shuffle(corpus.labels.begin(), corpus.labels.end());
  Writer writer(rng);
  for (const int32_t label : corpus.labels) corpus.texts.push_back(writer.message(label));
  corpus.sha256 = sha256_hex(sms_as_uci(corpus));
  return corpus;
}

}  // namespace octet
