// Text files of unknown encoding, as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace octet {

struct DecodedText {
  std::string text;      // UTF-8 without a byte order mark
  std::string encoding;  // what the bytes were: "UTF-8", "UTF-16", "Latin-1" or "Windows-1252"
};

// A byte order mark decides for UTF-8 or UTF-16. Without one, bytes are taken as UTF-8; if they are not, and
// is_plausible_latin1() holds, as Windows-1252, or as Latin-1 where that has no byte out of 0x80..0x9F to
// differ in or one that Windows-1252 leaves undefined. Errors (Data), with `source`, line and offset in
// bytes: NUL, which text never holds (binary data, or UTF-16 without its mark), UTF-8 with damage, UTF-16
// with half a character.
DecodedText decode_text(std::string bytes, const std::string& source);

// Whether bytes that are not UTF-8 may be Latin-1 or a relative: those hold lone high bytes, whereas damaged
// UTF-8 holds well-formed characters and a few bytes out of place. True if there are at least as many of
// these.
bool is_plausible_latin1(std::string_view bytes);

}  // namespace octet
