// UTF-8 at the border of the program: everything behind the readers may take text for valid UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace octet {

// Byte offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF), or nothing. A character cut off by the end counts from its first byte.
std::optional<size_t> first_invalid_utf8(std::string_view text);

// Every byte taken as the code point of the same number (ISO 8859-1 with its C1 controls).
std::string latin1_to_utf8(std::string_view text);

}  // namespace octet
