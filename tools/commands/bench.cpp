// octet bench: how fast this machine is at octet's work.
#include "tools/commands/bench.h"

#include <algorithm>
#include <cstdio>

#include "optim/bench.h"
#include "tools/commands/declare.h"

namespace octet::tools {

double copy_gbps_like(Device device, double traffic, int repetitions) {
  constexpr double kEnough = 256e6;  // bytes
  const double bytes = std::clamp(traffic / 2, 64.0, kEnough);
  return optim::copy_gbps(device, static_cast<int64_t>(bytes), repetitions);
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::span<const Command> bench_commands() {
  static constexpr Command table[] = {
      {"optimizer", "time of an optimizer step, and the bytes it moves, beside a plain copy",
       "octet bench optimizer --state blockwise8 --params 5e7", declare_bench_optimizer},
      {"ops", "time of each family of kernels, beside what the device can do at most",
       "octet bench ops --threads 1", declare_bench_ops},
      {"quantization", "errors of stored state, and of the updates that Adam makes from it",
       "octet bench quantization --states lognormal", declare_bench_quantization},
  };
  return table;
}

}  // namespace octet::tools
