#include "datasets/tokenizer.h"

#include <chrono>
#include <random>

#include "datasets/utf8.h"
#include "tests/datasets/texts.h"
#include "tests/support/support.h"
#include "tests/support/xz.h"

namespace octet {
namespace {

using testing::string_lists;
using Tokens = std::vector<std::string>;

std::string shown(const Tokens& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += "[" + token + "]";
  return out;
}

void check_all(const std::vector<std::string>& texts, const std::vector<Tokens>& expected) {
  REQUIRE(texts.size() == expected.size());
  size_t different = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Tokens tokens = tokenize_english(texts[i]);
    if (tokens == expected[i]) continue;
    if (++different <= 5)
      MESSAGE("row " << i << ": " << shown(tokens) << " but spaCy " << shown(expected[i]));
  }
  CHECK(different == 0);
}

// Tokens are pieces of the text, in order; between two of them stands nothing or one blank behind a word.
bool gives_text_back(std::string_view text) {
  const char* at = text.data();
  bool blank_allowed = false;
  for (const std::string_view token : english_tokens(text)) {
    if (token.empty()) return false;
    if (blank_allowed && at + 1 == token.data() && *at == ' ') ++at;
    if (at != token.data()) return false;
    at += token.size();
    blank_allowed = token.find_first_not_of(" \t\n") != std::string_view::npos;
  }
  if (blank_allowed && at + 1 == text.data() + text.size() && *at == ' ') ++at;
  return at == text.data() + text.size();
}

std::string repeated(std::string_view piece, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += piece;
  return text;
}

}  // namespace

TEST_CASE("the tokens of all messages of the UCI file equal spaCy's") {
  const auto texts = testing::uci_messages(NEED_DATA("SMSSpamCollection"));
  const auto golden = NEED_GOLDEN("sms_spacy_tokens.jsonl.xz");
  REQUIRE(texts.size() == 5574);
  check_all(texts, string_lists(testing::read_xz(golden)));
  for (const auto& text : texts) CHECK(gives_text_back(text));
}

TEST_CASE("the tokens of all messages of the CSV file equal spaCy's") {
  const auto texts = testing::csv_messages(NEED_DATA("sms_spam.csv"));
  const auto golden = NEED_GOLDEN("sms_csv_spacy_tokens.jsonl.xz");
  REQUIRE(texts.size() == 5574);
  check_all(texts, string_lists(testing::read_xz(golden)));
  for (const auto& text : texts) CHECK(gives_text_back(text));
}

// The texts are in tokenizer_sentences.txt and make_tokenizer_golden.py; none is from a data set.
TEST_CASE("the tokens of sentences written for this test equal spaCy's") {
  const auto file = std::filesystem::path(OCTET_SOURCE_DIR) / "tests/datasets/tokenizer_golden.jsonl";
  std::vector<std::string> texts;
  std::vector<Tokens> expected;
  for (auto& line : string_lists(testing::read_file(file))) {
    texts.push_back(line.front());
    expected.emplace_back(line.begin() + 1, line.end());
  }
  CHECK(texts.size() > 800);
  check_all(texts, expected);
  for (const auto& text : texts) CHECK(gives_text_back(text));
}

TEST_CASE("contractions, abbreviations, units, addresses and emoticons are told apart") {
  CHECK(tokenize_english("I can't go, it's 5km.") ==
        Tokens{"I", "ca", "n't", "go", ",", "it", "'s", "5", "km", "."});
  CHECK(tokenize_english("Dr. No (e.g. at 10am) said \"hi\"...") ==
        Tokens{"Dr.", "No", "(", "e.g.", "at", "10", "am", ")", "said", "\"", "hi", "\"", "..."});
  CHECK(tokenize_english("See http://a.example.com/x_(y), joe@b.org :-)") ==
        Tokens{"See", "http://a.example.com/x_(y", ")", ",", "joe@b.org", ":-)"});
  CHECK(tokenize_english("well-known and/or a/b") == Tokens{"well", "-", "known", "and/or", "a", "/", "b"});
}

TEST_CASE("one blank between tokens is swallowed and further white space is a token") {
  CHECK(tokenize_english("").empty());
  CHECK(tokenize_english(" ") == Tokens{" "});
  CHECK(tokenize_english("a b") == Tokens{"a", "b"});
  CHECK(tokenize_english("a  b ") == Tokens{"a", " ", "b"});
  CHECK(tokenize_english(" a \t\nb") == Tokens{" ", "a", "\t\n", "b"});
  CHECK(tokenize_english("a\u00a0b") == Tokens{"a", "\u00a0", "b"});
}

TEST_CASE("an exception that spans tokens is put together again unless a blank stands inside") {
  CHECK(tokenize_english("(:(") == Tokens{"(", ":("});
  CHECK(tokenize_english("x,o.O!") == Tokens{"x", ",", "o.O", "!"});
  CHECK(tokenize_english("8 )") == Tokens{"8", ")"});
}

TEST_CASE("the tokens and the swallowed blanks of random texts give the text back") {
  std::mt19937_64 random(20210314);
  const std::vector<std::string> pieces = {
      "don't",   "it’s",  "U.S.A.",  "10am", "5km", ":)",  ":-(", "<3",    "o_O", "(^_^)",
      "http://", "x.com", "a@b.org", "...",  "…",   "--",  "—",   "/",     ".",   ",",
      "'",       "\"",    "(",       ")",    "[",   "°C.", "$",   "€",     "US$", "😀",
      "日",      "é",     "\t",      "\n",   " ",   " ",   "  ",  "\u00a0"};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (size_t n = random() % 30; n > 0; --n) {
      const uint64_t kind = random() % 8;
      if (kind < 5) {
        text += pieces[random() % pieces.size()];
      } else if (kind < 7) {
        append_utf8(text, static_cast<char32_t>(random() % (kind == 5 ? 0x250 : 0x110000)));
      } else {
        text += static_cast<char>('a' + random() % 26);
      }
    }
    INFO(text);
    CHECK(gives_text_back(text));
    const auto views = english_tokens(text);
    CHECK(tokenize_english(text) == Tokens(views.begin(), views.end()));
  }
}

TEST_CASE("bytes that are not UTF-8 do no harm") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 3 ? random() : "a .':-@"[random() % 7]);
    CHECK(gives_text_back(bytes));
  }
}

// Anything worse than linear takes minutes on a megabyte; a linear pass takes well under a second.
TEST_CASE("a megabyte without a blank takes time in its length only") {
  for (const char* piece :
       {"a",       "!",  "'",  ".", "-",  "@",   ":)",  "):", "a.", "a.b@", "a@", "a-", "a--b", "1km", "5",
        "http://", "日", "é.", "😀", "'s", "\"'", ">:(", "a:", "._", ";_",   "(",  ")",  "…",    "km²"}) {
    const std::string text = repeated(piece, 1 << 20);
    const auto start = std::chrono::steady_clock::now();
    CHECK(gives_text_back(text));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    INFO("repeated " << piece);
    CHECK(seconds.count() < 20);
  }
}

}  // namespace octet
