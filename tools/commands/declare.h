// The subcommands: each declares its flags and returns what runs. See command.h.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace octet::tools {

std::function<int()> declare_train(CLI::App& app);
std::function<int()> declare_eval(CLI::App& app);
std::function<int()> declare_predict(CLI::App& app);
std::function<int()> declare_memory(CLI::App& app);
std::function<int()> declare_report(CLI::App& app);

}  // namespace octet::tools
