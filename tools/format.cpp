#include "tools/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace octet::tools {
namespace {

template <class... Values>
std::string print(const char* format, Values... values) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

}  // namespace

std::string format_bytes(int64_t bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double x = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 would print as 1000: the next unit is due.
  while (std::abs(x) >= 999.5 && unit + 1 < std::size(units)) {
    x /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || std::abs(x) >= 99.95 ? 0 : std::abs(x) >= 9.995 ? 1 : 2;
  return print("%.*f %s", digits, x, units[unit]);
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "?";
  if (seconds < 9.995) return print("%.2f s", seconds);
  if (seconds < 59.95) return print("%.1f s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return print("%lld:%02lld", whole / 60, whole % 60);
  return print("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_count(int64_t count) {
  std::string digits = std::to_string(count);
  const size_t sign = count < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > sign + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

std::string format_fixed(double x, int digits) { return print("%.*f", digits, std::isnan(x) ? NAN : x); }

std::string format_tags(const BytesByTag& by) {
  std::string text;
  for (int i = 0; i < kMemoryTags; ++i) {
    if (by[i] == 0) continue;
    std::string name = name_of(static_cast<MemoryTag>(i));
    std::replace(name.begin(), name.end(), '_', ' ');
    text += (text.empty() ? "" : ", ") + name + " " + format_bytes(by[i]);
  }
  return text;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) lines.emplace_back(take_line(text));
  return lines;
}

}  // namespace octet::tools
