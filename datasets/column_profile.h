// What the values of a column have in common, for guessing what they are.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "datasets/text_table.h"

namespace octet {

struct ColumnProfile {
  static constexpr size_t kMostLabels = 1000;   // different ones
  static constexpr double kLongestLabel = 40;   // bytes in the mean
  std::unordered_set<std::string_view> values;  // different ones, of which at most kMostLabels + 1 are kept
  int64_t rows = 0, filled = 0, bytes = 0, numbers = 0;

  double mean_length() const;  // over all rows
  bool all_numbers() const { return filled > 0 && numbers == filled; }
  bool like_labels() const;  // few short values, each twice in the mean
};

// One for each column, from row `first_row` on; values without the blanks around them.
std::vector<ColumnProfile> profiles_of(const TextTable& table, size_t first_row = 0);

// A finite decimal number and nothing else, as all of the text.
bool is_number(std::string_view text);

// Without white space at both ends.
std::string_view trimmed(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);  // of ASCII letters

}  // namespace octet
