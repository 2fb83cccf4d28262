// The commands that hold commands: `octet data ...` and `octet bench ...`.
#pragma once

#include <span>

#include "tools/command.h"

namespace octet::tools {

std::span<const Command> data_commands();
std::span<const Command> bench_commands();

}  // namespace octet::tools
