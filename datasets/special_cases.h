// The exceptions of the English rules, ready for looking up. Internal to datasets/.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace octet::english {

// Sizes in bytes of the parts of an exception.
using Parts = std::vector<uint8_t>;

class SpecialCases {
 public:
  // How text is split without looking at exceptions.
  using Split = std::function<void(std::string_view text, std::vector<std::string_view>& tokens)>;

  explicit SpecialCases(const Split& split);

  // The parts of `word`, or null if it is no exception.
  const Parts* find(std::string_view word) const {
    if (word.size() > longest_) return nullptr;
    const auto found = cases_.find(word);
    return found == cases_.end() ? nullptr : &found->second;
  }

  // Finds exceptions that the affix rules have taken apart, such as an emoticon next to a bracket, and puts
  // their parts in place of the tokens. `tokens` are views into one text.
  void repair(std::vector<std::string_view>& tokens) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  struct Match {
    size_t begin, end;  // tokens
    const Parts* parts;
  };
  void find_matches(std::span<const std::string_view> tokens, size_t at, std::vector<Match>& matches) const;

  static std::vector<Match> without_overlaps(std::vector<Match> cluster);

  Map<Parts> cases_;
  size_t longest_ = 0;  // bytes
  // Exceptions by the tokens that the affix rules make of them, each token followed by kTokenEnd, and all
  // beginnings of those sequences; null for a mere beginning.
  Map<const Parts*> sequences_;
};

}  // namespace octet::english
