#include "datasets/tokenizer.h"

#include "datasets/english_affixes.h"
#include "datasets/english_characters.h"
#include "datasets/special_cases.h"
#include "datasets/url_match.h"
#include "datasets/utf8.h"

namespace octet {
namespace {

using english::SpecialCases;
using Tokens = std::vector<std::string_view>;

bool is_special(const SpecialCases* cases, std::string_view word) {
  return cases && !word.empty() && cases->find(word);
}

// Peels prefixes and suffixes off `word` until none is left or an exception is; returns what remains.
// Prefixes go to `tokens` at once, suffixes to `suffixes` from the outside in.
std::string_view peel(std::string_view word, const SpecialCases* cases, Tokens& tokens, Tokens& suffixes) {
  while (!word.empty()) {
    if (is_special(cases, word)) break;
    const size_t prefix = english::prefix_size(word);
    const std::string_view without_prefix = word.substr(prefix);
    if (prefix > 0 && is_special(cases, without_prefix)) {
      tokens.push_back(word.substr(0, prefix));
      return without_prefix;
    }
    const size_t suffix = without_prefix.empty() ? 0 : english::suffix_size(without_prefix);
    const std::string_view without_suffix = word.substr(0, word.size() - suffix);
    if (suffix > 0 && is_special(cases, without_suffix)) {
      suffixes.push_back(word.substr(without_suffix.size()));
      return without_suffix;
    }
    if (prefix == 0 && suffix == 0) break;
    if (prefix > 0) tokens.push_back(word.substr(0, prefix));
    if (suffix > 0) suffixes.push_back(word.substr(without_suffix.size()));
    word = without_suffix.substr(prefix);
  }
  return word;
}

void split_infixes(std::string_view word, Tokens& tokens) {
  size_t done = 0;
  for (auto infix = english::find_infix(word, 0); infix.size > 0;) {
    const size_t next = infix.begin + infix.size;
    if (infix.begin > 0) {  // one at the very start stays with what follows
      if (infix.begin > done) tokens.push_back(word.substr(done, infix.begin - done));
      tokens.push_back(word.substr(infix.begin, infix.size));
      done = next;
    }
    infix = english::find_infix(word, next);
  }
  if (done < word.size()) tokens.push_back(word.substr(done));
}

void split_word(std::string_view word, const SpecialCases* cases, Tokens& tokens, Tokens& suffixes) {
  suffixes.clear();
  const std::string_view rest = peel(word, cases, tokens, suffixes);
  if (const auto* parts = cases && !rest.empty() ? cases->find(rest) : nullptr) {
    size_t begin = 0;
    for (const uint8_t part : *parts) {
      tokens.push_back(rest.substr(begin, part));
      begin += part;
    }
  } else if (!rest.empty() && english::matches_url(rest)) {
    tokens.push_back(rest);
  } else {
    split_infixes(rest, tokens);
  }
  tokens.insert(tokens.end(), suffixes.rbegin(), suffixes.rend());
}

// Splits at white space and each piece by the rules; `cases` may be null.
void split_text(std::string_view text, const SpecialCases* cases, Tokens& tokens) {
  Tokens suffixes;
  const auto is_space = [&](size_t at) {
    return english::classes_of(utf8_at(text, at).value) & english::kSpace;
  };
  for (size_t begin = 0; begin < text.size();) {
    const bool space = is_space(begin);
    size_t end = begin;
    while (end < text.size() && bool(is_space(end)) == space) end += utf8_at(text, end).size;
    const std::string_view piece = text.substr(begin, end - begin);
    if (space) {
      tokens.push_back(piece);
    } else {
      split_word(piece, cases, tokens, suffixes);
    }
    // The blank behind a word belongs to it; behind white space none can stand.
    begin = end;
    if (!space && begin < text.size() && text[begin] == ' ') ++begin;
  }
}

const SpecialCases& special_cases() {
  static const SpecialCases cases(
      [](std::string_view text, Tokens& tokens) { split_text(text, nullptr, tokens); });
  return cases;
}

}  // namespace

std::vector<std::string_view> english_tokens(std::string_view text) {
  const SpecialCases& cases = special_cases();
  Tokens tokens;
  split_text(text, &cases, tokens);
  cases.repair(tokens);
  return tokens;
}

std::vector<std::string> tokenize_english(std::string_view text) {
  const Tokens tokens = english_tokens(text);
  return {tokens.begin(), tokens.end()};
}

}  // namespace octet
