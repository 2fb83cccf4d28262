#include "tools/config_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/config_file.h"
#include "tools/rule_settings.h"

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
  const TrainConfig config = over(base);
  if (config.optimizer == base.optimizer) return config;
  // Another rule brings its defaults, over which goes what was given.
  TrainConfig with_rule = base;
  with_rule.optimizer = config.optimizer;
  take_rule_defaults(with_rule);
  return over(with_rule);
}

}  // namespace octet::tools
