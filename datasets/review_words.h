// The words of a review, as the IMDB experiment takes them from its text.
//
// Its program was Python: the review is lower-cased (str.lower) and split at white space (str.split); from
// each word re.sub removes [^\w\s], then \s+, then \d. What "<br" and "10/10!" leave are "br" and "".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// Goes through the words of a text one by one, without an allocation a word:
//
//   for (ReviewWords words(text); words.next();) use(words.word());
//
// Every word that str.split gives is there, also where nothing is left of it. `text` is well-formed UTF-8.
class ReviewWords {
 public:
  explicit ReviewWords(std::string_view text) : text_(text) {}

  bool next();                                     // moves to the next word; false at the end
  std::string_view word() const { return word_; }  // cleaned; valid until the next call of next()

 private:
  void clean_ascii(std::string_view word);
  void clean_unicode(std::string_view word);

  std::string_view text_;
  size_t at_ = 0;
  std::string word_;
};

// What is left of a word that is lower-cased already.
std::string clean_word(std::string_view word);

// The words of a text that count: neither empty nor one of english_stop_words() (stop_words.h).
std::vector<std::string> kept_words(std::string_view text);

}  // namespace octet
