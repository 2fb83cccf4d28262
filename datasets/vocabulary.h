// Which tokens have an id of their own: counted on training text, kept in a text file beside the weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"

namespace octet {

// How often each token was seen.
class TokenCounts {
 public:
  void add(std::string_view token, int64_t times = 1);  // the empty token is refused

  int64_t count(std::string_view token) const;  // 0 for one never seen
  int64_t total() const { return total_; }      // tokens seen, repetitions included
  size_t distinct() const { return counts_.size(); }

 private:
  friend class Vocabulary;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> counts_;
  int64_t total_ = 0;
};

// Token <-> id. A value that is cheap to copy: copies share the table, which never changes.
class Vocabulary {
 public:
  static constexpr int32_t kUnknown = 0;  // "<unk>": stands for every token that has no id
  static constexpr int32_t kPadding = 1;  // "<pad>"
  static constexpr std::string_view kSpecials[] = {"<unk>", "<pad>"};

  // The specials alone.
  Vocabulary();

  // The specials, then every token seen at least `min_freq` times, the most frequent first and among equals
  // by code point; of these the first `most`, or all (0). A token spelled like a special takes its id.
  static Vocabulary from_counts(const TokenCounts& counts, int64_t min_freq, int64_t most = 0);

  // The token on line n has id n-1; the specials come first. Lines end with '\n' and are never trimmed, since
  // a token may be white space; with or without a '\n' after the last one. A line that starts with U+0010 is
  // a token that could not stand there as it is, because it holds a line break or starts with U+0010 itself:
  // behind that sign `\n` is a line break and `\\` a backslash. All others are the token, byte for byte.
  // Errors name the file and the line, or two lines for a token given twice, and are of `kind`: a vocabulary
  // that belongs to a checkpoint is asked for with ErrorKind::Checkpoint.
  static Vocabulary load(const std::filesystem::path& path, ErrorKind kind = ErrorKind::Data);
  // The same for the content of a file; `name` stands for it in errors.
  static Vocabulary from_text(std::string_view text, const std::string& name,
                              ErrorKind kind = ErrorKind::Data);

  std::string text() const;  // what the file holds
  void save(const std::filesystem::path& path) const;

  // 64-bit FNV-1a over text(), as 16 hexadecimal digits: two vocabularies with the same hash give the same
  // ids.
  std::string hash() const;

  int32_t size() const { return static_cast<int32_t>(table_->tokens.size()); }
  const std::string& token(int32_t id) const;  // a usage error outside of 0..size()-1
  std::optional<int32_t> find(std::string_view token) const;
  int32_t id(std::string_view token) const { return find(token).value_or(kUnknown); }

  // Ids of the tokens; `tokens` are strings or views.
  template <class Tokens>
  std::vector<int32_t> encode(const Tokens& tokens) const {
    std::vector<int32_t> ids;
    ids.reserve(std::size(tokens));
    for (const auto& token : tokens) ids.push_back(id(token));
    return ids;
  }

 private:
  struct Table {
    std::vector<std::string> tokens;
    std::unordered_map<std::string_view, int32_t> ids;  // views into `tokens`
  };
  explicit Vocabulary(std::vector<std::string> tokens);

  std::shared_ptr<const Table> table_;
};

}  // namespace octet
