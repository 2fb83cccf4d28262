#include "datasets/review_words.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "datasets/python_text.h"
#include "datasets/stop_words.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

enum class Kind : uint8_t { Dropped, Kept, Space, Unicode };

// For every byte: what it is, and its small letter.
struct AsciiTable {
  std::array<Kind, 256> kind;
  std::array<char, 256> lower;
};

// Of ASCII, \w without \d is the letters and '_'.
constexpr AsciiTable make_table() {
  AsciiTable table{};
  for (int c = 0; c < 256; ++c) {
    const bool capital = c >= 'A' && c <= 'Z';
    const bool kept = capital || (c >= 'a' && c <= 'z') || c == '_';
    const bool space = c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    const auto at = static_cast<size_t>(c);
    table.kind[at] = c >= 0x80 ? Kind::Unicode : kept ? Kind::Kept : space ? Kind::Space : Kind::Dropped;
    table.lower[at] = static_cast<char>(capital ? c + ('a' - 'A') : c);
  }
  return table;
}

constexpr AsciiTable kTable = make_table();

Kind kind_of(char c) { return kTable.kind[static_cast<uint8_t>(c)]; }

}  // namespace

bool ReviewWords::next() {
  bool ascii = true;
  size_t begin = at_, end = at_;
  while (end < text_.size()) {
    const Kind kind = kind_of(text_[end]);
    size_t size = 1;
    bool space = kind == Kind::Space;
    if (kind == Kind::Unicode) {
      const CodePoint c = utf8_at(text_, end);
      size = c.size;
      space = is_python_space(c.value);
      ascii = ascii && space;
    }
    if (space && end > begin) break;
    end += size;
    if (space) begin = end;
  }
  at_ = end;
  if (begin == end) return false;
  const std::string_view word = text_.substr(begin, end - begin);
  ascii ? clean_ascii(word) : clean_unicode(word);
  return true;
}

void ReviewWords::clean_ascii(std::string_view word) {
  word_.resize(word.size());
  char* out = word_.data();
  for (const char c : word) {
    *out = kTable.lower[static_cast<uint8_t>(c)];
    out += kind_of(c) == Kind::Kept;
  }
  word_.resize(static_cast<size_t>(out - word_.data()));
}

// Word by word is as good as the whole text: no white space has a case or is passed over by the rule for a
// capital sigma, the only one that looks at neighbours.
void ReviewWords::clean_unicode(std::string_view word) { word_ = clean_word(python_lower(word)); }

std::string clean_word(std::string_view word) {
  std::string kept;
  for (size_t at = 0; at < word.size();) {
    const CodePoint c = utf8_at(word, at);
    if (is_python_word(c.value) && !is_python_digit(c.value)) kept.append(word, at, c.size);
    at += c.size;
  }
  return kept;
}

std::vector<std::string> kept_words(std::string_view text) {
  const auto stop = english_stop_words();
  std::vector<std::string> kept;
  for (ReviewWords words(text); words.next();)
    if (!words.word().empty() && std::find(stop.begin(), stop.end(), words.word()) == stop.end())
      kept.emplace_back(words.word());
  return kept;
}

}  // namespace octet
