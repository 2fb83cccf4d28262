#include "tools/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/names.h"

namespace octet::tools {
namespace {

std::string shown(const Value& value) {
  const std::string text = value.texts.empty() ? "" : value.texts.front();
  if (value.form == Value::Flag) return value.where + " " + (text.empty() ? "''" : text);
  if (value.form == Value::Array) return value.where + " = [...]";
  return value.where + " = " + (value.form == Value::String ? toml_text(text) : text);
}

template <class... Parts>
[[noreturn]] void reject(const Value& value, const Parts&... parts) {
  fail(value.kind, shown(value), ": ", parts...);
}

// The one text of a scalar.
const std::string& single(const Value& value, bool quoted, const char* wanted) {
  const bool fits = value.form == Value::Flag || value.form == (quoted ? Value::String : Value::Bare);
  if (!fits || value.texts.size() != 1) reject(value, "must be ", wanted);
  return value.texts.front();
}

template <class Number>
bool parse_whole(std::string_view text, Number& number) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool inside(const Range& range, double x) {
  if (!(x >= range.low && x <= range.high)) return false;  // false for NaN
  if ((range.above_low && x == range.low) || (range.below_high && x == range.high)) return false;
  return !range.power_of_two || std::exp2(std::round(std::log2(x))) == x;
}

std::string number_text(double x) {
  char buffer[32];  // the shortest text that reads back as x; whole numbers in digits
  const bool digits = x == std::floor(x) && std::abs(x) < 1e16;
  const auto result = digits ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<int64_t>(x))
                             : std::to_chars(buffer, buffer + sizeof buffer, x);
  return {buffer, result.ptr};
}

void check_choice(const std::string& text, std::span<const std::string_view> names, const Value& value) {
  if (std::find(names.begin(), names.end(), text) != names.end()) return;
  fail(value.kind, value.where, ": ", unknown_name("name", text, names));
}

void check_array(const Value& value) {
  if (value.form == Value::Bare || value.form == Value::String)
    reject(value, "must be an array of texts in quotes");
}

}  // namespace

void assign(int64_t& member, const Range& range, const Value& value) {
  const std::string& text = single(value, false, "a whole number");
  int64_t number = 0;
  if (!parse_whole(text, number)) {
    double real = 0;  // "1e30" and "nan" are out of range rather than no number
    if (!parse_whole(text, real) || (std::abs(real) < 1e18 && real != std::floor(real)))
      reject(value, "must be a whole number, ", describe(range));
    reject(value, "must be ", describe(range), ", written in digits");
  }
  if (!inside(range, static_cast<double>(number))) reject(value, "must be ", describe(range));
  member = number;
}

void assign(double& member, const Range& range, const Value& value) {
  const std::string& text = single(value, false, "a number");
  double number = 0;
  if (!parse_whole(text, number)) reject(value, "must be a number, ", describe(range));
  if (!inside(range, number)) reject(value, "must be ", describe(range));
  member = number;
}

void assign(std::string& member, const Choice& choice, const Value& value) {
  const std::string& text = single(value, true, "a name in quotes");
  check_choice(text, choice.names, value);
  member = text;
}

void assign(std::string& member, const Text& text, const Value& value) {
  const std::string& given = single(value, true, "a text in quotes");
  if (given.empty() && text.given && value.form == Value::Flag)
    fail(value.kind, value.where, ": is empty; leave it out, or name one");
  member = given;
}

void assign(std::vector<std::string>& member, const Overrides& overrides, const Value& value) {
  check_array(value);
  for (const std::string& text : value.texts) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0)
      fail(value.kind, value.where, " ", text, ": must be PATTERN=NAME, NAME ",
           describe(Choice{overrides.names}));
    check_choice(text.substr(equals + 1), overrides.names, value);
  }
  member = value.texts;
}

void assign(std::vector<std::string>& member, const Patterns&, const Value& value) {
  check_array(value);
  for (const std::string& text : value.texts)
    if (text.empty()) fail(value.kind, value.where, " '': must be a pattern of parameter names");
  member = value.texts;
}

void assign(bool& member, const Switch&, const Value& value) {
  const std::string& text = single(value, false, "true or false");
  if (text != "true" && text != "false") reject(value, "must be true or false");
  member = text == "true";
}

std::string toml_text(int64_t member) { return std::to_string(member); }

std::string toml_text(double member) {
  const std::string text = number_text(member);
  // A TOML reader takes 1 for an integer.
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string toml_text(const std::string& member) {
  std::string text = "\"";
  for (const char c : member) {
    if (c == '"' || c == '\\') {
      (text += '\\') += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      static constexpr char digits[] = "0123456789ABCDEF";
      ((text += "\\u00") += digits[(c >> 4) & 15]) += digits[c & 15];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string toml_text(const std::vector<std::string>& member) {
  std::string text = "[";
  for (const std::string& entry : member) (text += text.size() > 1 ? ", " : "") += toml_text(entry);
  return text + "]";
}

std::string toml_text(bool member) { return member ? "true" : "false"; }

std::string describe(const Range& range) {
  const std::string low = number_text(range.low), high = number_text(range.high);
  if (range.power_of_two) return "a power of two from " + low + " to " + high;
  return (range.above_low ? "greater than " : "at least ") + low +
         (range.below_high ? " and less than " : " and at most ") + high;
}

std::string describe(const Choice& choice) { return "one of " + join(choice.names); }
std::string describe(const Text&) { return ""; }
std::string describe(const Overrides& overrides) { return "NAME " + describe(Choice{overrides.names}); }
std::string describe(const Patterns&) { return ""; }
std::string describe(const Switch&) { return ""; }

std::string flag_name(std::string_view field) {
  std::string flag = "--" + std::string(field);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string setting_name(std::string_view field) { return field == "task" ? "the task" : flag_name(field); }

}  // namespace octet::tools
