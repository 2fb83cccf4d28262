// Classes of characters for the English tokenizer rules. Internal to datasets/.
#pragma once

#include <cstdint>

namespace octet::english {

// A set of the flags below.
using Classes = uint16_t;

inline constexpr Classes kAlpha = 1;             // letters of the scripts the rules know
inline constexpr Classes kUpper = 2;             // capital letters, and letters of scripts without case
inline constexpr Classes kLower = 4;             // small letters, and letters of scripts without case
inline constexpr Classes kQuote = 8;             // quotation marks, some brackets, the comma
inline constexpr Classes kIcon = 16;             // signs and emoji
inline constexpr Classes kPrefix = 32;           // split off at the start of a word
inline constexpr Classes kSuffix = 64;           // split off at the end of a word
inline constexpr Classes kBeforeFullStop = 128;  // a full stop behind one of these is split off
inline constexpr Classes kInfixStart = 256;      // can begin a split inside of a word
inline constexpr Classes kHost = 512;            // first or last character of a label of a host name
inline constexpr Classes kSpace = 1024;          // white space

Classes classes_of(char32_t c);  // c <= U+10FFFF

bool is_currency(char32_t c);

}  // namespace octet::english
