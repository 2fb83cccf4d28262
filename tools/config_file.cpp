#include "tools/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/names.h"
#include "tools/toml.h"

namespace octet::tools {

void apply_toml(TrainConfig& config, std::string_view text, std::string_view name) {
  std::vector<TomlEntry> entries = parse_toml(text, name);
  std::vector<std::string_view> known;
  config.visit([&](const Field& field, auto&, const auto&) { known.push_back(field.name); });
  for (TomlEntry& entry : entries) {
    std::replace(entry.key.begin(), entry.key.end(), '-', '_');
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string_view nearest = nearest_name(entry.key, known);
    fail(ErrorKind::Usage, name, ":", entry.line, ": unknown key '", entry.key, "'",
         nearest.empty() ? "; known: " + join(known) : ", did you mean '" + std::string(nearest) + "'?");
  }
  config.visit([&](const Field& field, auto& member, const auto& constraint) {
    for (const TomlEntry& entry : entries)
      if (entry.key == field.name) assign(member, constraint, entry.value);
  });
}

void apply_config_file(TrainConfig& config, const std::string& path) {
  require(!std::filesystem::is_directory(path), ErrorKind::Data, path, ": is a folder, not a config file");
  std::ifstream in(path, std::ios::binary);
  require(in.good(), ErrorKind::Data, path, ": cannot read the config file: ", std::strerror(errno));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  require(!in.bad(), ErrorKind::Data, path, ": cannot read the config file: ", std::strerror(errno));
  apply_toml(config, text, path);
}

std::string to_toml(const TrainConfig& config) {
  std::string text;
  TrainConfig copy = config;  // visit() hands out members to write to
  copy.visit([&](const Field& field, const auto& member, const auto& constraint) {
    // A task that was not named is left out: no name is valid for it.
    if constexpr (std::is_same_v<std::decay_t<decltype(constraint)>, Choice>)
      if (member.empty()) return;
    text += std::string(field.name) + " = " + toml_text(member) + "\n";
  });
  return text;
}

}  // namespace octet::tools
