// UTF-8: checking it, and walking over it one code point at a time in both directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octet {

// Offset in bytes of the first byte that cannot be part of well-formed UTF-8, or nothing. Overlong forms,
// surrogates and values beyond U+10FFFF are refused (Unicode standard, table 3-7); of a sequence that the
// text cuts short, the offset is that of its first byte.
std::optional<size_t> first_invalid_utf8(std::string_view text);

// A code point and the bytes it takes.
struct CodePoint {
  char32_t value = 0;
  uint32_t size = 0;  // bytes; 0 at an end of the text
};

// The code point that starts at byte `at`, and the one that ends before byte `at`. Both never read outside of
// `text`. They expect well-formed text; a stray byte counts as U+FFFD of size 1.
CodePoint utf8_at(std::string_view text, size_t at);
CodePoint utf8_before(std::string_view text, size_t at);

// Appends `value` in UTF-8; a surrogate or a value beyond U+10FFFF is written as U+FFFD.
void append_utf8(std::string& out, char32_t value);

// Every byte of ISO 8859-1 is the code point of the same number.
std::string latin1_to_utf8(std::string_view latin1);

}  // namespace octet
