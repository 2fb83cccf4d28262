// The flags of `train`: one for each field of TrainConfig, and --config.
#pragma once

#include <string>

#include "tools/config.h"
#include "tools/field_flags.h"

namespace octet::tools {

// Declares the flags on construction and holds what was given; must live until resolve().
class TrainFlags {
 public:
  explicit TrainFlags(CLI::App& app);

  // `base`, then the defaults of the update rule if it is another, and the width of the word vectors, then
  // the file of --config, then the flags: the last one wins. Throws Error: Usage for a value that does not
  // fit, Data for word vectors that cannot be read.
  TrainConfig resolve(const TrainConfig& base = {}) const;

 private:
  FieldFlags flags_;
};

}  // namespace octet::tools
