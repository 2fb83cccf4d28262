// What Python's `str` and `re` say of characters, for preprocessing that was defined by a Python program.
//
// Tables are utf8proc's (Unicode 15 in version 2.8, where Python 3.11 has 14), so only characters that were
// added to Unicode since may differ.
#pragma once

#include <string>
#include <string_view>

namespace octet {

bool is_python_space(char32_t c);  // str.isspace, which str.split() and \s go by; U+001C and U+0085 as well
bool is_python_word(char32_t c);   // \w: letters and numbers of any kind, and '_'; no combining marks
bool is_python_digit(char32_t c);  // \d: decimal digits of any script

// str.lower. Character by character, but for U+0130, which becomes two, and for a capital sigma, whose form
// depends on its neighbours: final behind a cased letter when none follows (Unicode standard, table 3-17).
// `text` is well-formed UTF-8.
std::string python_lower(std::string_view text);

std::string unicode_version();  // of those tables: "15.0.0"

}  // namespace octet
