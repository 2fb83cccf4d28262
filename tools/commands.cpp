#include "tools/command.h"

namespace octet::tools {

std::span<const Command> commands() {
  // One line a command: {"name", "summary", "example", declare_name}.
  return {};
}

}  // namespace octet::tools
