#include "datasets/special_cases.h"

#include <algorithm>
#include <numeric>

#include "datasets/english_affixes.h"
#include "datasets/english_exceptions.h"

namespace octet::english {
namespace {

constexpr char kTokenEnd = '\xFF';  // never part of UTF-8

bool has_affix(std::string_view word) {
  return prefix_size(word) > 0 || suffix_size(word) > 0 || find_infix(word, 0).size > 0;
}

}  // namespace

SpecialCases::SpecialCases(const Split& split) {
  for (const std::string& joined : exceptions()) {
    std::string word;
    Parts parts(1, 0);
    for (const char c : joined) {
      if (c == kPartEnd) {
        parts.push_back(0);
      } else {
        word += c;
        ++parts.back();
      }
    }
    longest_ = std::max(longest_, word.size());
    cases_.emplace(std::move(word), std::move(parts));
  }
  std::vector<std::string_view> tokens;
  for (const auto& [word, parts] : cases_) {
    if (!has_affix(word)) continue;  // the affix rules leave it alone, so there is nothing to repair
    tokens.clear();
    split(word, tokens);
    std::string sequence;
    for (const std::string_view token : tokens) {
      sequence.append(token) += kTokenEnd;
      sequences_.try_emplace(sequence, nullptr);
    }
    sequences_[sequence] = &parts;
  }
}

// All exceptions whose sequence starts at token `at`.
void SpecialCases::find_matches(std::span<const std::string_view> tokens, size_t at,
                                std::vector<Match>& matches) const {
  if (tokens[at].size() > longest_) return;
  std::string sequence;
  for (size_t end = at; end < tokens.size();) {
    sequence.append(tokens[end]) += kTokenEnd;
    const auto found = sequences_.find(sequence);
    if (found == sequences_.end()) return;
    ++end;
    if (found->second) matches.push_back({at, end, found->second});
  }
}

// Which of overlapping matches count: the longest first, then the leftmost. A match that lost still bars the
// others that share its tokens. `cluster` is in the order of begin, and so is the answer.
std::vector<SpecialCases::Match> SpecialCases::without_overlaps(std::vector<Match> cluster) {
  if (cluster.size() < 2) return cluster;
  const auto by_begin = [](const Match& a, const Match& b) { return a.begin < b.begin; };
  const size_t first = cluster.front().begin;
  size_t end = 0;
  for (const Match& match : cluster) end = std::max(end, match.end);
  std::stable_sort(cluster.begin(), cluster.end(),
                   [](const Match& a, const Match& b) { return a.end - a.begin > b.end - b.begin; });
  std::vector<char> taken(end - first, 0);
  std::vector<Match> chosen;
  for (const Match& match : cluster) {
    if (!taken[match.begin - first] && !taken[match.end - 1 - first]) chosen.push_back(match);
    for (size_t i = match.begin; i < match.end; ++i) taken[i - first] = 1;
  }
  std::sort(chosen.begin(), chosen.end(), by_begin);
  return chosen;
}

void SpecialCases::repair(std::vector<std::string_view>& tokens) const {
  std::vector<std::string_view> repaired;
  std::vector<Match> cluster;  // matches that overlap directly or through others, in the order of their begin
  size_t copied = 0;           // tokens that are in `repaired`

  const auto replace = [&](const Match& match) {
    const char* begin = tokens[match.begin].data();
    const std::string_view last = tokens[match.end - 1];
    const size_t size = std::accumulate(match.parts->begin(), match.parts->end(), size_t{0});
    if (begin + size != last.data() + last.size()) return;  // a blank stands inside
    repaired.insert(repaired.end(), tokens.begin() + copied, tokens.begin() + match.begin);
    for (const uint8_t part : *match.parts) {
      repaired.emplace_back(begin, part);
      begin += part;
    }
    copied = match.end;
  };
  size_t cluster_end = 0;
  for (size_t at = 0; at < tokens.size(); ++at) {
    if (at >= cluster_end) {
      for (const Match& match : without_overlaps(cluster)) replace(match);
      cluster.clear();
    }
    const size_t before = cluster.size();
    find_matches(tokens, at, cluster);
    for (size_t i = before; i < cluster.size(); ++i) cluster_end = std::max(cluster_end, cluster[i].end);
  }
  for (const Match& match : without_overlaps(cluster)) replace(match);
  if (copied == 0) return;
  repaired.insert(repaired.end(), tokens.begin() + copied, tokens.end());
  tokens = std::move(repaired);
}

}  // namespace octet::english
