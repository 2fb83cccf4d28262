#include "datasets/glove_lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>

#include "datasets/utf8.h"

namespace octet {
namespace {

// A number of few digits without exponent, as nearly all are, and where it ends; null for any other text. The
// digits as a whole number and the power of ten are exact in float32, so one division rounds once and rightly
// (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990).
const char* parse_short_number(const char* at, const char* end, float& value) {
  static constexpr float kPowersOfTen[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
  constexpr uint32_t kExact = 1u << 24;
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  uint32_t digits = 0;
  const auto take_digits = [&] {
    const char* const begin = at;
    for (; at != end && *at >= '0' && *at <= '9' && digits < kExact; ++at)
      digits = 10 * digits + static_cast<uint32_t>(*at - '0');
    return at - begin;
  };
  const auto before = take_digits();
  std::ptrdiff_t after = 0;
  if (at != end && *at == '.') ++at, after = take_digits();
  const bool ended = at == end || *at == ' ';
  if (!ended || before + after == 0 || digits > kExact || after >= std::ssize(kPowersOfTen)) return nullptr;
  const float size = static_cast<float>(digits) / kPowersOfTen[after];
  value = negative ? -size : size;
  return at;
}

// A finite float32 at the begin of [at, end), and where it ends; null if there is none.
const char* parse_number(const char* at, const char* end, float& value) {
  if (const char* rest = parse_short_number(at, end, value)) return rest;
  const auto [rest, error] = std::from_chars(at, end, value);
  if (error == std::errc()) return std::isfinite(value) ? rest : nullptr;
  if (error != std::errc::result_out_of_range) return nullptr;
  double wide = 0;  // too large for a float, or so small that it is 0 or nearly so
  if (std::from_chars(at, end, wide).ec != std::errc() || std::abs(wide) > std::numeric_limits<float>::max())
    return nullptr;
  value = static_cast<float>(wide);
  return rest;
}

bool is_number(std::string_view text) {
  float value = 0;
  return parse_number(text.data(), text.data() + text.size(), value) == text.data() + text.size();
}

// Exactly as many numbers as `out` takes, each behind one space.
bool parse_numbers(std::string_view text, std::span<float> out) {
  const char *at = text.data(), *const end = at + text.size();
  for (float& value : out) {
    if (at == end || *at != ' ') return false;
    at = parse_number(at + 1, end, value);
    if (!at) return false;
  }
  return at == end;
}

// For messages: short, and without what a terminal would act on.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  while (first_invalid_utf8(out)) out.resize(*first_invalid_utf8(out));
  return "'" + out + (out.size() < text.size() ? "...'" : "'");
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> columns;
  for (;;) {
    const size_t space = line.find(' ');
    columns.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return columns;
    line.remove_prefix(space + 1);
  }
}

// What is wrong with a line that is not a word without spaces and its numbers; nothing if it is a word with
// spaces and its numbers.
std::optional<std::string> fault_of(std::string_view line, size_t dimension) {
  const std::vector<std::string_view> columns = split(line);
  const auto wrong_count = [&] {
    return std::to_string(dimension + 1) + " columns wanted (a word and " + std::to_string(dimension) +
           (dimension == 1 ? " number), " : " numbers), ") + std::to_string(columns.size()) + " found";
  };
  if (columns.size() < dimension + 1) return wrong_count();
  const size_t first_number = columns.size() - dimension;
  // Behind the first column of a word, a number tells of a vector that is too long.
  if (std::any_of(columns.begin() + 1, columns.begin() + static_cast<std::ptrdiff_t>(first_number),
                  is_number))
    return wrong_count();
  for (size_t i = first_number; i < columns.size(); ++i)
    if (!is_number(columns[i]))
      return "column " + std::to_string(i + 1) + ", " + shown(columns[i]) + ", is not a finite number";
  return std::nullopt;
}

class Parser {
 public:
  Parser(int64_t dimension, const GloveKeys& keys) : keys_(keys), numbers_(static_cast<size_t>(dimension)) {
    part_.sum.resize(numbers_.size());
    part_.sum_of_squares.resize(numbers_.size());
  }

  // False where reading must stop. `open`: the file ends in this line.
  bool take(std::string_view line, bool open) {
    ++part_.lines;
    line = trimmed_glove_line(line);
    if (line.empty()) return true;
    const auto stop = [&](const std::string& reason) {
      const bool binary = line.find('\0') != std::string_view::npos;
      part_.error = {part_.lines,
                     binary ? "a NUL byte; this is binary data, not text"
                            : reason + (open ? "; the file ends in this line, is it cut short?" : "")};
      return false;
    };
    std::string_view word = line.substr(0, line.find(' '));
    if (!parse_numbers(line.substr(word.size()), numbers_)) {
      if (const auto fault = fault_of(line, numbers_.size())) return stop(*fault);
      word = spaced_word(line);
      if (part_.spaced++ == 0) part_.first_spaced = {part_.lines, shown(word)};
    }
    if (word.empty()) return stop("no word stands before the numbers");
    if (first_invalid_utf8(word)) return stop("the word " + shown(word) + " is not valid UTF-8");
    add(word);
    return true;
  }

  GlovePart take_part() { return std::move(part_); }

 private:
  // Reads the numbers at the end of the line; what stands before them is the word.
  std::string_view spaced_word(std::string_view line) {
    size_t end = line.size();
    for (size_t i = 0; i < numbers_.size(); ++i) end = line.rfind(' ', end - 1);
    parse_numbers(line.substr(end), numbers_);
    return line.substr(0, end);
  }

  void add(std::string_view word) {
    part_.words.push_back({std::hash<std::string_view>{}(word), part_.lines});
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const double value = numbers_[i];
      part_.sum[i] += value;
      part_.sum_of_squares[i] += value * value;
    }
    if (const auto found = keys_.find(word); found != keys_.end()) {
      part_.kept.push_back({found->second, part_.values.size()});
      part_.values.insert(part_.values.end(), numbers_.begin(), numbers_.end());
    }
  }

  const GloveKeys& keys_;
  std::vector<float> numbers_;  // of the line
  GlovePart part_;
};

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

GlovePart parse_glove_lines(std::string_view text, int64_t dimension, const GloveKeys& keys) {
  Parser parser(dimension, keys);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (!parser.take(text.substr(0, end), end == std::string_view::npos)) break;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parser.take_part();
}

std::optional<Word2VecHeader> word2vec_header(std::string_view line) {
  line = trimmed_glove_line(line);
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto words = whole_number(line.substr(0, space)), dimension = whole_number(line.substr(space + 1));
  if (!words || !dimension) return std::nullopt;
  return Word2VecHeader{*words, *dimension};
}

int64_t glove_columns(std::string_view line) { return 1 + std::count(line.begin(), line.end(), ' '); }

std::string_view trimmed_glove_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.ends_with(' ')) line.remove_suffix(1);
  return line;
}

}  // namespace octet
