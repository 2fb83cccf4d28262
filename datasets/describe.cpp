#include "datasets/describe.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "core/error.h"

namespace octet {
namespace {

// Nearest rank: the smallest value that at least `percent` per cent of all do not exceed.
int64_t percentile(const std::vector<int64_t>& sorted, int percent) {
  const size_t rank = (sorted.size() * static_cast<size_t>(percent) + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

std::string padded(const std::string& text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

}  // namespace

LengthFacts length_facts(std::vector<int64_t> lengths) {
  LengthFacts facts;
  if (lengths.empty()) return facts;
  std::sort(lengths.begin(), lengths.end());
  facts.count = static_cast<int64_t>(lengths.size());
  facts.total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  facts.mean = static_cast<double>(facts.total) / static_cast<double>(facts.count);
  facts.shortest = lengths.front();
  facts.median = percentile(lengths, 50);
  facts.p90 = percentile(lengths, 90);
  facts.p99 = percentile(lengths, 99);
  facts.longest = lengths.back();
  return facts;
}

CorpusFacts describe(const TextCorpus& corpus, const std::function<int64_t(std::string_view)>& length,
                     std::vector<int64_t>* lengths) {
  CorpusFacts facts;
  facts.rows = corpus.rows();
  for (const std::string& name : corpus.label_names) facts.classes.push_back({name, 0});
  struct Seen {
    int32_t label;
    bool ambiguous;
  };
  std::unordered_map<std::string_view, Seen> seen;
  std::vector<int64_t> counted;
  counted.reserve(corpus.texts.size());
  for (size_t i = 0; i < corpus.texts.size(); ++i) {
    const std::string& text = corpus.texts[i];
    const int32_t label = corpus.labels.at(i);
    ++facts.classes.at(static_cast<size_t>(label)).rows;
    facts.empty_texts += text.empty();
    const auto [at, is_new] = seen.try_emplace(text, Seen{label, false});
    if (!is_new && at->second.label != label && !at->second.ambiguous) {
      at->second.ambiguous = true;
      ++facts.ambiguous_texts;
    }
    counted.push_back(length(text));
  }
  facts.distinct_texts = static_cast<int64_t>(seen.size());
  if (lengths) *lengths = counted;
  facts.lengths = length_facts(std::move(counted));
  return facts;
}

std::string histogram(std::span<const int64_t> values, int bins, int width) {
  require(bins >= 1 && width >= 40, "histogram: ", bins, " bins in ", width,
          " columns; at least 1 and 40 are needed");
  if (values.empty()) return "(no values)\n";
  std::vector<int64_t> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const int64_t low = sorted.front(), high = percentile(sorted, 99);
  const int64_t step = (high - low) / bins + 1;
  const int64_t used = (high - low) / step + 1;
  std::vector<int64_t> counts(static_cast<size_t>(used));
  int64_t longer = 0;
  for (const int64_t v : sorted) {
    const int64_t bin = (v - low) / step;
    ++(bin < used ? counts[static_cast<size_t>(bin)] : longer);
  }
  struct Line {
    std::string label;
    int64_t count;
  };
  const size_t digits = std::to_string(sorted.back()).size();
  std::vector<Line> lines;
  for (int64_t i = 0; i < used; ++i) {
    const std::string first = std::to_string(low + i * step), last = std::to_string(low + (i + 1) * step - 1);
    lines.push_back({padded(first, digits) + "-" + padded(last, digits), counts[static_cast<size_t>(i)]});
  }
  if (longer) {
    const std::string first = std::to_string(low + used * step);
    lines.push_back({padded(first, digits) + "-" + std::to_string(sorted.back()), longer});
  }
  int64_t most = 0;
  for (const Line& line : lines) most = std::max(most, line.count);
  const size_t count_width = grouped(most).size();
  const int64_t room = width - static_cast<int64_t>(lines.front().label.size() + count_width) - 3;
  std::string text;
  for (const Line& line : lines) {
    // Rounded up: a bin that holds anything shows a mark.
    const int64_t bar = (line.count * room + most - 1) / most;
    text += line.label + " |" + std::string(static_cast<size_t>(bar), '#') +
            std::string(static_cast<size_t>(room - bar), ' ') + " " +
            padded(grouped(line.count), count_width) + "\n";
  }
  return text;
}

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t sign = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > sign + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

}  // namespace octet
