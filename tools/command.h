// What a subcommand of the program is.
#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace octet::tools {

struct Command {
  std::string_view name;     // "train"
  std::string_view summary;  // its line in `octet --help`
  std::string_view example;  // closes `octet train --help`
  // Declares the flags on `app` and returns what runs once they are parsed; that returns the exit code.
  // Called for the command in use only, which keeps `octet --help` quick.
  std::function<int()> (*declare)(CLI::App& app);
  // Instead of `declare`: the commands within this one, such as `octet data fetch`.
  std::span<const Command> commands = {};
};

// The commands of octet, in the order of `octet --help`.
std::span<const Command> commands();

}  // namespace octet::tools
