#include "tools/config_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/config_file.h"

namespace octet::tools {

TrainFlags::TrainFlags(CLI::App& app) : flags_(app) {
  flags_.declare(TrainConfig());
  app.add_option("--config", config_path_, "TOML file with these settings; flags win over it")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

TrainConfig TrainFlags::resolve(TrainConfig config) const {
  if (!config_path_.empty()) apply_config_file(config, config_path_);
  flags_.apply(config);
  return config;
}

}  // namespace octet::tools
