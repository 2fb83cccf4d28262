// The rules are those of spaCy 3.8 (lang/punctuation.py and lang/en/punctuation.py). spaCy states them as
// regular expressions that search for the leftmost match; here each is a look at the neighbouring characters.
#include "datasets/english_affixes.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "datasets/english_characters.h"
#include "datasets/utf8.h"

namespace octet::english {
namespace {

constexpr std::string_view kDegree = "°";
constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kPossessives[] = {"'s", "'S", "’s", "’S"};
constexpr std::string_view kDollars[] = {"US$", "C$", "A$"};

// Split off when a digit stands before them. The list is spaCy's; one entry is two Cyrillic and two Arabic
// letters run together there ("тб" and "كم"), so that "5тб" stays whole, and so it does here.
constexpr std::string_view kUnits =
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg "
    "µg t lb oz m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² "
    "км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г "
    "мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб "
    "ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم "
    "غرام جرام جم كغ ملغ كوب اكواب";

struct Units {
  std::unordered_set<std::string_view> names;
  size_t longest = 0;

  Units() {
    for (size_t at = 0; at < kUnits.size();) {
      const size_t end = std::min(kUnits.find(' ', at), kUnits.size());
      names.insert(kUnits.substr(at, end - at));
      longest = std::max(longest, end - at);
      at = end + 1;
    }
    for (const auto& dollar : kDollars) names.insert(dollar);
  }
};

bool digit(char c) { return c >= '0' && c <= '9'; }

// Classes of the character before and at a byte; 0 where there is none.
Classes before(std::string_view word, size_t at) {
  const CodePoint c = utf8_before(word, at);
  return c.size ? classes_of(c.value) : Classes{0};
}
Classes at(std::string_view word, size_t position) {
  const CodePoint c = utf8_at(word, position);
  return c.size ? classes_of(c.value) : Classes{0};
}

// What stands between the last digit and the end of the word, if it is a currency or a unit.
size_t unit_size(std::string_view word) {
  static const Units units;
  size_t begin = word.size();
  while (begin > 0 && !digit(word[begin - 1])) {
    if (word.size() - --begin > units.longest) return 0;
  }
  if (begin == 0 || begin == word.size()) return 0;
  const std::string_view tail = word.substr(begin);
  const CodePoint first = utf8_at(tail, 0);
  const bool sign = first.size == tail.size() && is_currency(first.value);
  return sign || units.names.count(tail) ? tail.size() : 0;
}

// Whether the full stop that ends `word` is split off alone.
bool splits_full_stop(std::string_view word) {
  const size_t stop = word.size() - 1;
  const CodePoint last = utf8_before(word, stop);
  if (last.size == 0) return false;
  const Classes classes = classes_of(last.value);
  if (classes & kBeforeFullStop) return true;
  if ((classes & kUpper) && (before(word, stop - last.size) & kUpper)) return true;
  // Degrees: 20°C. (small letters are covered above)
  const bool scale = last.value == 'F' || last.value == 'C' || last.value == 'K';
  return scale && word.substr(0, stop - 1).ends_with(kDegree);
}

bool starts_with_alpha(std::string_view word, size_t position) { return at(word, position) & kAlpha; }

// Size of the hyphen at `position` that a letter follows, or 0. No hyphen is itself a letter, so at most one
// fits.
size_t hyphen_size(std::string_view word, size_t position) {
  for (const std::string_view hyphen : {"-", "--", "---", "–", "—", "——", "~"}) {
    if (word.substr(position).starts_with(hyphen) && starts_with_alpha(word, position + hyphen.size()))
      return hyphen.size();
  }
  return 0;
}

// Size of the split at `position`, where the character `c` of the given classes stands; or 0.
size_t infix_size(std::string_view word, size_t position, const CodePoint& c, Classes classes) {
  if (c.value == '.' && word.substr(position).starts_with(".."))
    return std::min(word.find_first_not_of('.', position), word.size()) - position;
  if (c.value == U'…' || (classes & kIcon)) return c.size;
  if (position == 0) return 0;  // all others look at what is before them

  const Classes left = before(word, position);
  const bool left_digit = digit(word[position - 1]);
  const size_t next = position + c.size;
  const char next_byte = next < word.size() ? word[next] : '\0';
  switch (c.value) {
    case '.':
      return (left & (kLower | kQuote)) && (at(word, next) & (kUpper | kQuote)) ? 1 : 0;
    case ',':
      return (left & kAlpha) && starts_with_alpha(word, next) ? 1 : 0;
    case ':':
    case '<':
    case '>':
    case '=':
    case '/':
      return ((left & kAlpha) || left_digit) && starts_with_alpha(word, next) ? 1 : 0;
    case '+':
    case '*':
    case '^':
      return left_digit && (digit(next_byte) || next_byte == '-') ? 1 : 0;
    case '-':
      if (left_digit && (digit(next_byte) || next_byte == '-')) return 1;
      [[fallthrough]];
    case U'–':
    case U'—':
    case '~':
      return (left & kAlpha) || left_digit ? hyphen_size(word, position) : 0;
    default:
      return 0;
  }
}

}  // namespace

size_t prefix_size(std::string_view word) {
  const CodePoint first = utf8_at(word, 0);
  if (classes_of(first.value) & kPrefix) return first.size;
  if (first.value == '+') return word.size() > 1 && digit(word[1]) ? 0 : 1;
  if (word.starts_with("..")) return std::min(word.find_first_not_of('.'), word.size());
  for (const auto& dollar : kDollars) {
    if (word.starts_with(dollar)) return dollar.size();
  }
  return 0;
}

size_t suffix_size(std::string_view word) {
  if (word.ends_with("..")) return word.size() - (word.find_last_not_of('.') + 1);
  // Rules that match at several lengths match leftmost, so the longest wins.
  size_t size = 0;
  const CodePoint last = utf8_before(word, word.size());
  if (classes_of(last.value) & kSuffix) size = last.size;
  if (last.value == U'…' && word.substr(0, word.size() - last.size).ends_with(kEllipsis))
    size = 2 * last.size;
  for (const auto& possessive : kPossessives) {
    if (word.ends_with(possessive)) size = std::max(size, possessive.size());
  }
  if (last.value == '.' && splits_full_stop(word)) size = 1;
  if (last.value == '+' && word.size() > 1 && digit(word[word.size() - 2])) size = 1;
  return std::max(size, unit_size(word));
}

Infix find_infix(std::string_view word, size_t from) {
  for (size_t position = from; position < word.size();) {
    const CodePoint c = utf8_at(word, position);
    const Classes classes = classes_of(c.value);
    if (classes & kInfixStart) {
      if (const size_t size = infix_size(word, position, c, classes)) return {position, size};
    }
    position += c.size;
  }
  return {};
}

}  // namespace octet::english
