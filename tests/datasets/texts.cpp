#include "tests/datasets/texts.h"

#include <nlohmann/json.hpp>

#include "tests/support/support.h"

namespace octet::testing {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::vector<std::string> uci_messages(const std::filesystem::path& path) {
  std::vector<std::string> messages;
  const std::string bytes = read_file(path);
  for (const std::string_view line : lines_of(bytes)) messages.emplace_back(line.substr(line.find('\t') + 1));
  return messages;
}

std::vector<std::string> csv_messages(const std::filesystem::path& path) {
  // Every field of this file is quoted, and none holds a line break.
  std::vector<std::string> messages;
  const std::string bytes = read_file(path);
  bool header = true;
  for (std::string_view line : lines_of(bytes)) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::exchange(header, false)) continue;
    const size_t begin = line.find("\",\"") + 3;
    REQUIRE(line.ends_with('"'));
    std::string message;
    for (size_t i = begin; i + 1 < line.size(); ++i) {
      message += line[i];
      if (line[i] == '"') ++i;  // "" is one quote
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

std::vector<std::vector<std::string>> string_lists(std::string_view jsonl) {
  std::vector<std::vector<std::string>> lists;
  for (const std::string_view line : lines_of(jsonl))
    lists.push_back(nlohmann::json::parse(line).get<std::vector<std::string>>());
  return lists;
}

}  // namespace octet::testing
