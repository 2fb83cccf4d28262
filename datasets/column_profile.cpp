#include "datasets/column_profile.h"

#include <algorithm>
#include <charconv>

namespace octet {

double ColumnProfile::mean_length() const {
  return rows ? static_cast<double>(bytes) / static_cast<double>(rows) : 0;
}

bool ColumnProfile::like_labels() const {
  return values.size() >= 2 && values.size() <= kMostLabels &&
         2 * static_cast<int64_t>(values.size()) <= filled &&
         static_cast<double>(bytes) <= kLongestLabel * static_cast<double>(filled);
}

std::vector<ColumnProfile> profiles_of(const TextTable& table, size_t first_row) {
  std::vector<ColumnProfile> profiles(table.columns);
  for (size_t row = first_row; row < table.rows(); ++row)
    for (size_t column = 0; column < table.columns; ++column) {
      ColumnProfile& profile = profiles[column];
      ++profile.rows;
      const std::string_view value = trimmed(table.cell(row, column).text);
      if (value.empty()) continue;
      ++profile.filled;
      profile.bytes += static_cast<int64_t>(value.size());
      profile.numbers += is_number(value);
      if (profile.values.size() <= ColumnProfile::kMostLabels) profile.values.insert(value);
    }
  return profiles;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !(text[0] == '.' || (text[0] >= '0' && text[0] <= '9'))) return false;  // "inf", "nan"
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace octet
