#include "tools/byte_size.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "tools/format.h"

namespace octet::tools {

int64_t parse_bytes(const std::string& text, const std::string& flag) {
  static constexpr std::pair<const char*, double> units[] = {
      {"", 1},         {"b", 1},    {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30},
      {"tib", 0x1p40}, {"kb", 1e3}, {"mb", 1e6},     {"gb", 1e9},     {"tb", 1e12}};
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  std::string unit;
  for (const char* c = rest; c != end; ++c)
    if (!unit.empty() || *c != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
  double factor = 0;
  for (const auto& [name, size] : units)
    if (unit == name) factor = size;
  const double bytes = number * factor;
  require(error == std::errc() && factor > 0 && std::isfinite(bytes) && bytes >= 1 && bytes < 0x1p62,
          ErrorKind::Usage, flag, " '", text,
          "' is no amount of memory; write it as 16GiB, 500MB or 1000000");
  return static_cast<int64_t>(bytes);
}

std::string exact_bytes(int64_t bytes) { return format_count(bytes) + " B"; }

std::string mebibytes(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / 0x1p20;
  return fmt::format("{:.{}f} MiB", mib, mib < 0.1 ? 4 : 2);
}

}  // namespace octet::tools
