#include "tools/config_flags.h"

#include <nlohmann/json.hpp>

#include "datasets/glove.h"
#include "tools/config_file.h"
#include "tools/config_json.h"
#include "tools/rule_settings.h"
#include "tools/tasks.h"

namespace octet::tools {

namespace {

struct ConfigFile {
  std::string path;

  template <class V>
  void visit(V&& run) {
    run(Field{"config", "TOML file with these settings; flags win over it"}, path, Text{"FILE", true});
  }
};

// "Defaults of sms in [brackets]; imdb: --embedding 64 ..."
std::string defaults_text() {
  std::string text = "Defaults in brackets are those of task sms. Others have of their own:\n";
  for (const std::string_view task : kTasks) {
    TrainConfig config;
    config.task = task;
    const TrainConfig usual = config;
    task_of(config).defaults(config);
    if (config == usual) continue;
    const auto own = to_json(config), other = to_json(usual);
    std::string line = "  " + std::string(task) + ":";
    for (const auto& [name, value] : own.items()) {
      if (value == other.at(name)) continue;
      const std::string flag =
          " " + flag_name(name) + " " + (value.is_string() ? value.get<std::string>() : value.dump());
      if (line.size() + flag.size() > 90) text += line + "\n", line = "       ";
      line += flag;
    }
    text += line + "\n";
  }
  return text + "\n";
}

}  // namespace

TrainFlags::TrainFlags(CLI::App& app) : flags_(app) {
  flags_.declare(TrainConfig());
  flags_.declare(ConfigFile());
  add_footer(app, defaults_text());
}

TrainConfig TrainFlags::resolve(const TrainConfig& base) const {
  ConfigFile file;
  flags_.apply(file);
  const auto over = [&](TrainConfig config) {
    if (!file.path.empty()) apply_config_file(config, file.path);
    flags_.apply(config);
    return config;
  };
  TrainConfig config = over(base);
  TrainConfig defaults = base;
  if (config.task != base.task && !config.task.empty()) {
    defaults.task = config.task;
    task_of(config).defaults(defaults);
  }
  // Another rule brings its defaults, and word vectors their width; over both goes what was given.
  if (config.optimizer != base.optimizer) {
    defaults.optimizer = config.optimizer;
    take_rule_defaults(defaults);
  }
  if (config.glove != base.glove && !config.glove.empty()) {
    defaults.embedding = 0;  // which cannot be given
    if (over(defaults).embedding == 0) defaults.embedding = glove_dimension(config.glove, base.embedding);
  }
  return over(defaults);
}

}  // namespace octet::tools
