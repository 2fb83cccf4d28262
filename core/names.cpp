#include "core/names.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "core/error.h"

namespace octet {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool abbreviates(std::string_view part, std::string_view name) {
  if (part.size() < 3 || part.size() > name.size()) return false;
  return std::equal(part.begin(), part.end(), name.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table suffice: a swap looks back two.
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> names) {
  std::string_view best;
  int best_distance = 0;
  for (const std::string_view name : names) {
    const int distance = abbreviates(wrong, name) ? 1 : edit_distance(wrong, name);
    // A third of the letters may be wrong, and always one; more is a guess that misleads.
    const int allowed = std::max<int>(1, static_cast<int>(std::max(wrong.size(), name.size())) / 3);
    if (distance <= allowed && (best.empty() || distance < best_distance)) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view wrong,
                         std::span<const std::string_view> names) {
  std::string text = "unknown " + std::string(kind) + " '" + std::string(wrong) + "'";
  if (const std::string_view nearest = nearest_name(wrong, names); !nearest.empty())
    text += ", did you mean '" + std::string(nearest) + "'?";
  else
    text += ".";
  if (!names.empty()) text += " Known: " + join(names);
  return text;
}

void require_name(std::string_view kind, std::string_view name, std::span<const std::string_view> names) {
  if (std::find(names.begin(), names.end(), name) == names.end())
    fail(ErrorKind::Usage, unknown_name(kind, name, names));
}

std::string join(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) (text += text.empty() ? "" : ", ") += name;
  return text;
}

}  // namespace octet
