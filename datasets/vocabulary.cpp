#include "datasets/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

#include "datasets/utf8.h"

namespace octet {
namespace {

constexpr char kEscaped = '\x10';

bool is_special(std::string_view token) {
  return std::ranges::find(Vocabulary::kSpecials, token) != std::end(Vocabulary::kSpecials);
}

void append_line(std::string& out, std::string_view token) {
  if (token.starts_with(kEscaped) || token.find('\n') != std::string_view::npos) {
    out += kEscaped;
    for (const char c : token) {
      if (c == '\n') {
        out += "\\n";
      } else if (c == '\\') {
        out += "\\\\";
      } else {
        out += c;
      }
    }
  } else {
    out += token;
  }
  out += '\n';
}

// The token of an escaped line, without the sign it starts with; nothing if a backslash stands there alone.
std::optional<std::string> unescaped(std::string_view line) {
  std::string token;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      token += line[i];
    } else if (++i < line.size() && (line[i] == 'n' || line[i] == '\\')) {
      token += line[i] == 'n' ? '\n' : '\\';
    } else {
      return std::nullopt;
    }
  }
  return token;
}

}  // namespace

void TokenCounts::add(std::string_view token, int64_t times) {
  require(!token.empty(), "vocabulary: an empty token cannot be counted");
  auto found = counts_.find(token);
  if (found == counts_.end()) found = counts_.emplace(token, 0).first;
  found->second += times;
  total_ += times;
}

int64_t TokenCounts::count(std::string_view token) const {
  const auto found = counts_.find(token);
  return found == counts_.end() ? 0 : found->second;
}

Vocabulary::Vocabulary() : Vocabulary(std::vector<std::string>(std::begin(kSpecials), std::end(kSpecials))) {}

Vocabulary::Vocabulary(std::vector<std::string> tokens) {
  auto table = std::make_shared<Table>();
  table->tokens = std::move(tokens);
  table->ids.reserve(table->tokens.size());
  for (size_t i = 0; i < table->tokens.size(); ++i)
    table->ids.emplace(table->tokens[i], static_cast<int32_t>(i));
  table_ = std::move(table);
}

Vocabulary Vocabulary::from_counts(const TokenCounts& counts, int64_t min_freq, int64_t most) {
  using Entry = std::pair<std::string_view, int64_t>;
  std::vector<Entry> kept;
  for (const auto& [token, count] : counts.counts_) {
    if (count >= min_freq && !is_special(token)) kept.emplace_back(token, count);
  }
  // The order of UTF-8 bytes is the order of code points.
  std::sort(kept.begin(), kept.end(), [](const Entry& a, const Entry& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (most > 0) kept.resize(std::min(kept.size(), static_cast<size_t>(most)));
  std::vector<std::string> tokens(std::begin(kSpecials), std::end(kSpecials));
  require(kept.size() < std::numeric_limits<int32_t>::max() - tokens.size(), ErrorKind::Data,
          "vocabulary: ", kept.size(), " tokens are more than 32-bit ids can name");
  tokens.reserve(tokens.size() + kept.size());
  for (const Entry& entry : kept) tokens.emplace_back(entry.first);
  return Vocabulary(std::move(tokens));
}

Vocabulary Vocabulary::from_text(std::string_view text, const std::string& name, ErrorKind kind) {
  require(!text.empty(), kind, name, ": the vocabulary is empty");
  if (const auto invalid = first_invalid_utf8(text))
    fail(kind, name, ": byte ", *invalid,
         " is not valid UTF-8; the vocabulary is damaged or of another encoding");

  std::vector<std::string> tokens;
  std::unordered_map<std::string, size_t> line_of;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const size_t number = tokens.size() + 1;
    require(!line.empty(), kind, name, ":", number, ": an empty line, where a token is expected");
    auto token = line[0] == kEscaped ? unescaped(line.substr(1)) : std::string(line);
    require(token.has_value() && !token->empty(), kind, name, ":", number,
            ": a line that starts with U+0010 holds an escape other than \\n and \\\\, or nothing");
    const auto [other, added] = line_of.emplace(*token, number);
    require(added, kind, name, ":", number, ": '", line, "' is on line ", other->second, " already");
    tokens.push_back(std::move(*token));
  }
  for (size_t i = 0; i < std::size(kSpecials); ++i) {
    if (i >= tokens.size()) fail(kind, name, ": ends before line ", i + 1, ", which must be ", kSpecials[i]);
    if (tokens[i] != kSpecials[i])
      fail(kind, name, ":", i + 1, ": must be ", kSpecials[i], ", but is '", tokens[i], "'");
  }
  return Vocabulary(std::move(tokens));
}

Vocabulary Vocabulary::load(const std::filesystem::path& path, ErrorKind kind) {
  std::error_code error;
  require(!std::filesystem::is_directory(path, error), kind, path.string(),
          ": is a folder, not a vocabulary file");
  std::ifstream in(path, std::ios::binary);
  require(in.good(), kind, path.string(), ": cannot open the vocabulary");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  require(!in.bad(), kind, path.string(), ": cannot read the vocabulary");
  return from_text(text, path.string(), kind);
}

std::string Vocabulary::text() const {
  std::string out;
  for (const std::string& token : table_->tokens) append_line(out, token);
  return out;
}

void Vocabulary::save(const std::filesystem::path& path) const {
  std::ofstream out(path, std::ios::binary);
  const std::string bytes = text();
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  require(out.good(), ErrorKind::Internal, path.string(), ": cannot write the vocabulary");
}

std::string Vocabulary::hash() const {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text()) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

const std::string& Vocabulary::token(int32_t id) const {
  require(id >= 0 && id < size(), "vocabulary: id ", id, " is outside of 0..", size() - 1);
  return table_->tokens[static_cast<size_t>(id)];
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = table_->ids.find(token);
  return found == table_->ids.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace octet
