// Facts about a corpus, and how they are shown: what `octet data` prints.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/text_corpus.h"

namespace octet {

struct LengthFacts {
  int64_t count = 0, total = 0;
  int64_t shortest = 0, median = 0, p90 = 0, p99 = 0, longest = 0;  // percentiles: nearest rank
  double mean = 0;
};
LengthFacts length_facts(std::vector<int64_t> lengths);

struct ClassFacts {
  std::string name;
  int64_t rows = 0;
};

struct CorpusFacts {
  int64_t rows = 0;
  std::vector<ClassFacts> classes;  // in the order of the labels
  int64_t distinct_texts = 0;       // rows - distinct_texts repeat an earlier row
  int64_t ambiguous_texts = 0;      // texts that occur with more than one label
  int64_t empty_texts = 0;
  LengthFacts lengths;  // as `length` counts
};

// `length` says how long a text is, in tokens for example. `lengths`, if given, receives that of every row.
CorpusFacts describe(const TextCorpus& corpus, const std::function<int64_t(std::string_view)>& length,
                     std::vector<int64_t>* lengths = nullptr);

// Bars of `#` in at most `width` columns, one line a bin, without colour or characters outside ASCII:
//     1-  12 |##############################     2,341
//    13-  24 |#################                  1,322
// The bins are of equal width and reach up to the 99th percentile; a last one, if needed, holds what is
// longer.
std::string histogram(std::span<const int64_t> values, int bins = 12, int width = 72);

// 5574 -> "5,574"
std::string grouped(int64_t number);

}  // namespace octet
