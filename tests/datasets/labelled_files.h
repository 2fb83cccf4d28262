// What the suites of one's own files begin with.
#pragma once

#include <string>
#include <vector>

#include "datasets/labelled_file.h"

namespace octet::testing {

using Strings = std::vector<std::string>;
using Ids = std::vector<int32_t>;

inline LabelledTexts parse(const std::string& bytes, const ColumnFlags& columns = {},
                           bool skip_empty = false) {
  return parse_labelled(bytes, "f", {columns, skip_empty, {}});
}

// One note among those that say so, and whether any does.
inline bool notes(const LabelledTexts& texts, const std::string& what) {
  for (const std::string& note : texts.notes)
    if (note.find(what) != std::string::npos) return true;
  return false;
}

// ASCII and characters below U+10000 as given.
inline std::string utf16(const std::u16string& text, bool big_endian) {
  std::string bytes = big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char16_t c : text) {
    const char high = static_cast<char>(c >> 8), low = static_cast<char>(c & 0xFF);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  }
  return bytes;
}

}  // namespace octet::testing
