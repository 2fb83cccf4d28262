#include "tests/tools/train_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/config_flags.h"

namespace octet::testing {

tools::TrainConfig parse_flags(const std::vector<std::string>& arguments, const tools::TrainConfig& base) {
  CLI::App app("", "octet train");
  const tools::TrainFlags flags(app);
  app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // as CLI11 takes them
  return flags.resolve(base);
}

std::string train_help() {
  CLI::App app("", "octet train");
  const tools::TrainFlags flags(app);
  return app.help();
}

}  // namespace octet::testing
