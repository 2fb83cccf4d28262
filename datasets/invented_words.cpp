#include "datasets/invented_words.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace octet {

Zipf::Zipf(size_t n) {
  uint64_t total = 0;
  for (size_t i = 0; i < n; ++i) sums_.push_back(total += (uint64_t{1} << 32) / (i + 3));
}

size_t Zipf::draw(Rng& rng) const {
  const uint64_t at = rng.below(sums_.back());
  return static_cast<size_t>(std::upper_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
}

bool chance(Rng& rng, uint64_t percent) { return rng.below(100) < percent; }

std::vector<std::string> invent_words(Rng rng, size_t count) {
  constexpr std::string_view starts[] = {"b", "d", "f", "g", "k", "l", "m",  "n",
                                         "p", "r", "s", "t", "v", "z", "ch", "st"};
  constexpr std::string_view vowels[] = {"a", "e", "i", "o", "u", "ai", "ou"};
  std::vector<std::string> words;
  std::set<std::string> seen;
  while (words.size() < count) {
    // Frequent words are short, as in every language.
    const uint64_t syllables = 1 + (words.size() > 60 ? 1 : 0) + rng.below(words.size() > 2000 ? 3 : 2);
    std::string word;
    for (uint64_t i = 0; i < syllables; ++i)
      word.append(starts[rng.below(std::size(starts))]).append(vowels[rng.below(std::size(vowels))]);
    if (chance(rng, 30)) word.append(starts[rng.below(14)]);
    if (seen.insert(word).second) words.push_back(std::move(word));
  }
  return words;
}

int64_t draw_length(Rng& rng, const LengthPoints& points) {
  constexpr std::array<int, 8> percents = {0, 10, 25, 50, 75, 90, 99, 100};
  const auto at = static_cast<int>(rng.below(10000));  // hundredths of a per cent
  size_t k = 1;
  while (at >= percents[k] * 100) ++k;
  const int span = (percents[k] - percents[k - 1]) * 100;
  return points[k - 1] + (points[k] - points[k - 1]) * (at - percents[k - 1] * 100) / span;
}

}  // namespace octet
