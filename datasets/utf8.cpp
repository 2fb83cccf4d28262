#include "datasets/utf8.h"

#include <cstring>

namespace octet {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

bool continues(std::string_view text, size_t at) {
  return at < text.size() && (byte_at(text, at) & 0xC0) == 0x80;
}

// Size in bytes of the well-formed sequence at `at`, or 0. Only the second byte's range depends on the first.
uint32_t sequence_size(std::string_view text, size_t at) {
  const uint8_t lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !continues(text, at + 1)) return 0;
  if (lead < 0xE0) return 2;
  const uint8_t second = byte_at(text, at + 1);
  if (lead < 0xF0) {
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;  // overlong, surrogate
    return continues(text, at + 2) ? 3 : 0;
  }
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;  // overlong, > U+10FFFF
  return continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
}

}  // namespace

std::optional<size_t> first_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    // Most text is ASCII: eight bytes at a time while none of them has its top bit set.
    uint64_t eight = 0;
    while (at + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if (eight & 0x8080808080808080u) break;
      at += sizeof eight;
    }
    if (at == text.size()) break;
    const uint32_t size = sequence_size(text, at);
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

CodePoint utf8_at(std::string_view text, size_t at) {
  if (at >= text.size()) return {};
  const uint8_t lead = byte_at(text, at);
  if (lead < 0x80) return {lead, 1};
  const uint32_t size = sequence_size(text, at);
  const auto tail = [&](size_t i) { return static_cast<char32_t>(byte_at(text, at + i) & 0x3F); };
  switch (size) {
    case 2:
      return {static_cast<char32_t>(lead & 0x1F) << 6 | tail(1), 2};
    case 3:
      return {static_cast<char32_t>(lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3};
    case 4:
      return {static_cast<char32_t>(lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
    default:
      return {kReplacement, 1};
  }
}

CodePoint utf8_before(std::string_view text, size_t at) {
  if (at == 0 || at > text.size()) return {};
  size_t start = at - 1;
  while (start > 0 && at - start < 4 && continues(text, start)) --start;
  const CodePoint found = utf8_at(text, start);
  return start + found.size == at ? found : CodePoint{kReplacement, 1};
}

void append_utf8(std::string& out, char32_t value) {
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) value = kReplacement;
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((value >> shift) & 0x3F)); };
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += {static_cast<char>(0xC0 | value >> 6), tail(0)};
  } else if (value < 0x10000) {
    out += {static_cast<char>(0xE0 | value >> 12), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0 | value >> 18), tail(12), tail(6), tail(0)};
  }
}

std::string latin1_to_utf8(std::string_view latin1) {
  std::string out;
  out.reserve(latin1.size() + latin1.size() / 8);
  for (const char c : latin1) append_utf8(out, static_cast<uint8_t>(c));
  return out;
}

}  // namespace octet
