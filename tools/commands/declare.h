// The subcommands: each declares its flags and returns what runs. See command.h.
#pragma once

#include <functional>
#include <span>

#include "tools/command.h"

namespace octet::tools {

std::function<int()> declare_train(CLI::App& app);
std::function<int()> declare_eval(CLI::App& app);
std::function<int()> declare_predict(CLI::App& app);
std::function<int()> declare_memory(CLI::App& app);
std::function<int()> declare_inspect(CLI::App& app);
std::function<int()> declare_report(CLI::App& app);
std::function<int()> declare_reproduce(CLI::App& app);

// Those that hold commands: `octet bench ...` and `octet data ...`.
std::span<const Command> bench_commands();
std::span<const Command> data_commands();

}  // namespace octet::tools
