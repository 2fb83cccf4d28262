#include "tools/toml.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace octet::tools {
namespace {

void append_utf8(std::string& text, uint32_t code) {
  const auto byte = [&](uint32_t bits) { text += static_cast<char>(bits); };
  const auto tail = [&](int shift) { byte(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6), tail(0);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12), tail(6), tail(0);
  } else {
    byte(0xf0 | code >> 18), tail(12), tail(6), tail(0);
  }
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  std::vector<TomlEntry> entries() {
    std::vector<TomlEntry> found;
    for (skip_lines(); at_ < text_.size(); skip_lines()) {
      TomlEntry entry = this->entry();
      const auto same =
          std::find_if(found.begin(), found.end(), [&](const TomlEntry& e) { return e.key == entry.key; });
      if (same != found.end()) stop("'", entry.key, "' was already set in line ", same->line);
      found.push_back(std::move(entry));
    }
    return found;
  }

 private:
  template <class... Parts>
  [[noreturn]] void stop(const Parts&... parts) const {
    fail(ErrorKind::Usage, name_, ":", line_, ": ", parts...);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char take() {
    if (peek() == '\n') ++line_;
    return text_[at_++];
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  // Spaces, comments and line ends.
  void skip_lines() {
    while (at_ < text_.size()) {
      skip_blanks();
      if (peek() == '#')
        while (at_ < text_.size() && peek() != '\n') ++at_;
      if (peek() == '\r' && text_.substr(at_, 2) == "\r\n") ++at_;
      if (peek() != '\n') return;
      take();
    }
  }

  static bool bare(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+' || c == '.';
  }
  std::string bare_text() {
    const size_t first = at_;
    while (bare(peek())) ++at_;
    return std::string(text_.substr(first, at_ - first));
  }

  TomlEntry entry() {
    if (peek() == '[') stop("settings are not in tables; remove the line that starts with '['");
    TomlEntry entry;
    entry.line = line_;
    const bool quoted = peek() == '"' || peek() == '\'';
    entry.key = quoted ? string() : bare_text();
    if (entry.key.empty()) stop("a line must be a key, '=' and a value");
    skip_blanks();
    if (peek() != '=') stop("'", entry.key, "' must be followed by '='");
    ++at_;
    skip_blanks();
    entry.value = value();
    entry.value.where = std::string(name_) + ":" + std::to_string(entry.line) + ": " + entry.key;
    skip_blanks();
    const char next = peek();
    if (at_ < text_.size() && next != '#' && next != '\n' && next != '\r')
      stop("unexpected text after the value of '", entry.key, "'");
    return entry;
  }

  Value value() {
    const char c = peek();
    if (c == '"' || c == '\'') return {Value::String, {string()}, "", ErrorKind::Usage};
    if (c == '[') return {Value::Array, array(), "", ErrorKind::Usage};
    std::string text = bare_text();
    if (text.empty()) stop("the value is missing or not a text in quotes, a number, true, false or an array");
    std::erase(text, '_');  // 50_000
    return {Value::Bare, {std::move(text)}, "", ErrorKind::Usage};
  }

  std::vector<std::string> array() {
    std::vector<std::string> texts;
    ++at_;
    for (;;) {
      skip_lines();
      if (peek() == ']') break;
      if (peek() != '"' && peek() != '\'') stop("an array must hold texts in quotes and end with ']'");
      texts.push_back(string());
      skip_lines();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != ']') {
        stop("the entries of an array must be separated by ',' and end with ']'");
      }
    }
    ++at_;
    return texts;
  }

  std::string string() {
    const char quote = take();
    std::string text;
    for (;;) {
      if (at_ >= text_.size() || peek() == '\n') stop("a text in quotes does not end in its line");
      const char c = take();
      if (c == quote) return text;
      if (c == '\\' && quote == '"')
        escape(text);
      else
        text += c;
    }
  }

  void escape(std::string& text) {
    static constexpr std::string_view names = "btnfr\"\\", meanings = "\b\t\n\f\r\"\\";
    const char c = at_ < text_.size() ? take() : '\0';
    if (const size_t i = names.find(c); i != std::string_view::npos) {
      text += meanings[i];
      return;
    }
    const size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const std::string_view hex = text_.substr(std::min(at_, text_.size()), digits);
    uint32_t code = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool good =
        digits > 0 && hex.size() == digits && error == std::errc() && end == hex.data() + digits;
    if (!good || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      stop("unknown escape '\\", c, "' in a text");
    append_utf8(text, code);
    at_ += digits;
  }

  std::string_view text_, name_;
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, std::string_view name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  return Parser(text, name).entries();
}

}  // namespace octet::tools
