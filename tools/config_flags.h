// The flags of `train`: one for each field of TrainConfig, and --config.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/config.h"

namespace CLI {
class App;
}

namespace octet::tools {

// Declares the flags on construction and holds what was given; must live until resolve().
class TrainFlags {
 public:
  explicit TrainFlags(CLI::App& app);
  TrainFlags(const TrainFlags&) = delete;
  TrainFlags& operator=(const TrainFlags&) = delete;

  // `base`, then the file of --config, then the flags: the last one wins. Throws Error (Usage) for a value
  // that does not fit.
  TrainConfig resolve(TrainConfig base = {}) const;

 private:
  std::string command_;                                    // "octet train"
  std::map<std::string, std::vector<std::string>> given_;  // by field name
  std::map<std::string, bool> switched_;
  std::string config_path_;
};

}  // namespace octet::tools
