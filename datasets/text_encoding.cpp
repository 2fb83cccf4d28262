#include "datasets/text_encoding.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/error.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

// Bytes 0x80..0x9F of Windows-1252 (Unicode consortium, CP1252.TXT); 0 where it defines none.
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

char16_t windows_1252(unsigned char c) { return c >= 0x80 && c < 0xA0 ? kWindows1252[c - 0x80] : c; }

int64_t line_of(std::string_view bytes, size_t at) {
  return 1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n');
}

std::string utf16_to_utf8(std::string_view bytes, bool big_endian, const std::string& source) {
  require(bytes.size() % 2 == 0, ErrorKind::Data, source, ": ", bytes.size(),
          " bytes, an odd number, cannot be UTF-16, which the byte order mark says; is the file cut short?");
  const auto unit = [&](size_t at) {
    const auto a = static_cast<unsigned char>(bytes[at]), b = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  std::string text;
  text.reserve(bytes.size() / 2 + bytes.size() / 8);
  int64_t line = 1;
  for (size_t at = 2; at < bytes.size(); at += 2) {  // behind the mark
    const char32_t value = unit(at);
    line += value == '\n';
    require(value != 0, ErrorKind::Data, source, ", line ", line, ": byte ", at,
            " is NUL, which text never holds: is this binary data?");
    if (value < 0xD800 || value > 0xDFFF) {
      append_utf8(text, value);
      continue;
    }
    const char32_t low = value < 0xDC00 && at + 2 < bytes.size() ? unit(at + 2) : 0;
    require(low >= 0xDC00 && low <= 0xDFFF, ErrorKind::Data, source, ", line ", line, ": at byte ", at,
            " stands half of a character of UTF-16");
    append_utf8(text, 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00));
    at += 2;
  }
  return text;
}

}  // namespace

bool is_plausible_latin1(std::string_view bytes) {
  int64_t out_of_place = 0, characters = 0;
  while (!bytes.empty()) {
    const size_t good = first_invalid_utf8(bytes).value_or(bytes.size());
    const std::string_view valid = bytes.substr(0, good);
    characters += std::count_if(valid.begin(), valid.end(), [](unsigned char c) { return c >= 0xC0; });
    if (good == bytes.size()) break;
    ++out_of_place;
    bytes.remove_prefix(good + 1);
  }
  return out_of_place >= characters;
}

DecodedText decode_text(std::string bytes, const std::string& source) {
  const bool little = bytes.starts_with("\xFF\xFE"), big = bytes.starts_with("\xFE\xFF");
  if (little || big) return {utf16_to_utf8(bytes, big, source), "UTF-16"};
  const size_t nul = bytes.find('\0');
  require(nul == std::string::npos, ErrorKind::Data, source, ": byte ", nul,
          " is NUL: this is binary data, or UTF-16 without its byte order mark");
  const std::optional<size_t> invalid = first_invalid_utf8(bytes);
  if (!invalid) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
    return {std::move(bytes), "UTF-8"};
  }
  require(is_plausible_latin1(bytes), ErrorKind::Data, source, ", line ", line_of(bytes, *invalid), ": byte ",
          *invalid, " of the file is not valid UTF-8");
  bool windows = false, defined = true;
  for (const unsigned char c : bytes) {
    windows |= c >= 0x80 && c < 0xA0;
    defined &= c < 0x80 || windows_1252(c) != 0;
  }
  if (!windows || !defined) return {latin1_to_utf8(bytes), "Latin-1"};
  std::string text;
  for (const unsigned char c : bytes) append_utf8(text, windows_1252(c));
  return {std::move(text), "Windows-1252"};
}

}  // namespace octet
