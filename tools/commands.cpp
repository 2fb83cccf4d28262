#include "tools/command.h"
#include "tools/commands/groups.h"

namespace octet::tools {

std::span<const Command> commands() {
  // One line a command: {"name", "summary", "example", declare_name}, or null and the commands within it.
  static const Command table[] = {
      {"bench", "times optimizer steps and kernels", "octet bench optimizer --state blockwise8 --params 5e7",
       nullptr, bench_commands()},
      {"data", "lists, checks, describes and fetches data sets", "octet data describe sms", nullptr,
       data_commands()},
  };
  return table;
}

}  // namespace octet::tools
