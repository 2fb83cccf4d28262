#include "datasets/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "datasets/utf8.h"

namespace octet {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3, kSigma = 0x3C3, kFinalSigma = 0x3C2;
constexpr char32_t kCapitalDottedI = 0x130, kDotAbove = 0x307;

struct Range {
  char32_t first, last;
};

bool contains(const Range* begin, const Range* end, char32_t c) {
  return std::any_of(begin, end, [c](Range r) { return c >= r.first && c <= r.last; });
}

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

// Unicode's Cased (DerivedCoreProperties.txt): the three letter categories, and what Other_Uppercase and
// Other_Lowercase add. Modifier letters are left out, as is_case_ignorable is asked first.
bool is_cased(char32_t c) {
  static constexpr Range others[] = {{0xAA, 0xAA},      {0xBA, 0xBA},       {0x2160, 0x217F},
                                     {0x24B6, 0x24E9},  {0x1F130, 0x1F149}, {0x1F150, 0x1F169},
                                     {0x1F170, 0x1F189}};
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return contains(std::begin(others), std::end(others), c);
  }
}

// Unicode's Case_Ignorable: these categories, and the punctuation that stands inside of words (Word_Break =
// MidLetter, MidNumLet or Single_Quote).
bool is_case_ignorable(char32_t c) {
  static constexpr char32_t punctuation[] = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                             0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                             0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return std::find(std::begin(punctuation), std::end(punctuation), c) != std::end(punctuation);
  }
}

// Is a capital sigma that takes the bytes [at, next) the last letter of a word?
bool is_final(std::string_view text, size_t at, size_t next) {
  CodePoint before = utf8_before(text, at);
  while (before.size && is_case_ignorable(before.value)) before = utf8_before(text, at -= before.size);
  if (!before.size || !is_cased(before.value)) return false;
  CodePoint after = utf8_at(text, next);
  while (after.size && is_case_ignorable(after.value)) after = utf8_at(text, next += after.size);
  return !after.size || !is_cased(after.value);
}

}  // namespace

bool is_python_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0x2028 || c == 0x2029 || category(c) == UTF8PROC_CATEGORY_ZS;
}

bool is_python_word(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return c == '_';
  }
}

bool is_python_digit(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

std::string unicode_version() { return utf8proc_unicode_version(); }

std::string python_lower(std::string_view text) {
  std::string lowered;
  lowered.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = utf8_at(text, at);
    const size_t next = at + c.size;
    if (c.value == kCapitalSigma) {
      append_utf8(lowered, is_final(text, at, next) ? kFinalSigma : kSigma);
    } else if (c.value == kCapitalDottedI) {
      append_utf8(lowered, 'i');
      append_utf8(lowered, kDotAbove);
    } else {
      append_utf8(lowered, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
    at = next;
  }
  return lowered;
}

}  // namespace octet
