#include "tools/config_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "datasets/glove.h"
#include "tools/config_file.h"
#include "tools/rule_settings.h"
#include "tools/tasks.h"

namespace octet::tools {

TrainFlags::TrainFlags(CLI::App& app) : flags_(app) {
  flags_.declare(TrainConfig());
  app.add_option("--config", config_path_, "TOML file with these settings; flags win over it")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

TrainConfig TrainFlags::resolve(const TrainConfig& base) const {
  const auto over = [this](TrainConfig config) {
    if (!config_path_.empty()) apply_config_file(config, config_path_);
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
