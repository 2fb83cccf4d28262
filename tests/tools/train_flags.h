// The flags of `octet train`, parsed as the program does it.
#pragma once

#include <string>
#include <vector>

#include "tools/config.h"

namespace octet::testing {

tools::TrainConfig parse_flags(const std::vector<std::string>& arguments,
                               const tools::TrainConfig& base = {});
std::string train_help();

}  // namespace octet::testing
