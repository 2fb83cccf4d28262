#include "datasets/utf8.h"

#include <random>
#include <vector>

#include "tests/support/support.h"

namespace octet {

TEST_CASE("every code point is encoded, valid and read back from both sides") {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint first = utf8_at(text, 0), last = utf8_before(text, text.size());
    const bool good = !first_invalid_utf8(text) && first.value == c && first.size == text.size() &&
                      last.value == c && last.size == text.size();
    if (!good) FAIL("code point " << static_cast<uint32_t>(c));
  }
}

TEST_CASE("the offset of the first invalid byte is found") {
  using std::string;
  const std::vector<std::pair<string, size_t>> cases = {
      {"\x80", 0},                   // a continuation without a start
      {"ab\xC0\xAF", 2},             // overlong, two bytes
      {"ab\xC1\xBF", 2},             //
      {"abcdefgh\xE0\x80\xAF", 8},   // overlong, three bytes
      {"\xE0\x9F\xBF", 0},           //
      {"\xF0\x8F\xBF\xBF", 0},       // overlong, four bytes
      {"\xED\xA0\x80", 0},           // a surrogate
      {"\xED\xBF\xBF", 0},           //
      {"\xF4\x90\x80\x80", 0},       // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},       //
      {"\xFF", 0},                   //
      {"caf\xE9", 3},                // ISO 8859-1
      {"caf\xE9 au lait", 3},        //
      {"0123456789abcdef\xC3", 16},  // cut short
      {"\xE2\x82", 0},               //
      {"\xF0\x9F\x98", 0},           //
      {"\xE2\x82\xAC\xE2\x82", 3},   //
      {"\xE2\x28\xA1", 0},           // the second byte is none
      {"1234567\xC3\xA9"
       "1234\xA9",
       13},
  };
  for (const auto& [text, offset] : cases) CHECK(first_invalid_utf8(text) == offset);

  for (const string& text : {string(), string("plain"), string("1234567é9"), string("\0nul\0", 5),
                             string("日本語😀"), string("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF")})
    CHECK_FALSE(first_invalid_utf8(text));
}

TEST_CASE("a stray byte counts as U+FFFD of one byte in both directions") {
  const std::string text = "a\xFF\xE2\x82z";
  CHECK(utf8_at(text, 1).value == 0xFFFD);
  CHECK(utf8_at(text, 2).size == 1);
  CHECK(utf8_before(text, 4).value == 0xFFFD);
  CHECK(utf8_before(text, 4).size == 1);
  CHECK(utf8_before(text, 2).value == 0xFFFD);
  CHECK(utf8_at(text, 5).size == 0);
  CHECK(utf8_before(text, 0).size == 0);
}

TEST_CASE("both directions meet the same code points") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 50; ++i)
      append_utf8(text, static_cast<char32_t>(random() % (1 << (random() % 14 + 7))));
    std::vector<char32_t> forward, backward;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = utf8_at(text, at);
      forward.push_back(c.value);
      at += c.size;
    }
    for (size_t at = text.size(); at > 0;) {
      const CodePoint c = utf8_before(text, at);
      backward.insert(backward.begin(), c.value);
      at -= c.size;
    }
    CHECK(forward == backward);
  }
}

TEST_CASE("Latin-1 becomes UTF-8") {
  CHECK(latin1_to_utf8("") == "");
  CHECK(latin1_to_utf8("caf\xE9 \xA3"
                       "5 \x92") == "café £5 \u0092");
  std::string all, expected;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
    append_utf8(expected, static_cast<char32_t>(c));
  }
  CHECK(latin1_to_utf8(all) == expected);
  CHECK_FALSE(first_invalid_utf8(expected));
}

TEST_CASE("what is no code point is written as U+FFFD") {
  std::string text;
  append_utf8(text, 0xD800);
  append_utf8(text, 0x110000);
  CHECK(text == "\uFFFD\uFFFD");
}

}  // namespace octet
