// The program around the commands: help, version, unknown names, and exit codes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/command.h"

namespace octet::tools {

// Runs the command that arguments[0] names (the program's own name is not among them) and returns the exit
// code: that of the command, or of the error it threw, with the message on standard error: 1 cannot write or
// internal, 2 usage, 3 data, 4 out of memory, 5 non-finite, 6 checkpoint, 7 device.
int run_program(const std::vector<std::string>& arguments, std::span<const Command> table);

}  // namespace octet::tools
