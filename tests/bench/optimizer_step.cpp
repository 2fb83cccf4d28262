// Prints a JSON line for each size and codec: the time of an Adam step. Used by optimizer_vs_torch.py.
//   bench_optimizer_step [--threads N] [SIZE...]     OCTET_CPU=v2|v3|v4 chooses the level
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/cpu/level.h"
#include "core/cpu/thread_pool.h"
#include "optim/bench.h"

using namespace octet;

int main(int argc, char** argv) {
  std::vector<int64_t> sizes;
  int first = 1;
  if (argc > 2 && std::string_view(argv[1]) == "--threads") {
    cpu::set_thread_count(std::atoi(argv[2]));
    first = 3;
  }
  for (int i = first; i < argc; ++i) sizes.push_back(std::atoll(argv[i]));
  if (sizes.empty()) sizes = {359549, 10000000, 50000000};
  for (const int64_t size : sizes) {
    const double copy = optim::copy_gbps(Device::cpu(), size * 8, 10);
    for (const char* codec : {"fp32", "bf16", "blockwise8"}) {
      const int repetitions = size < 1000000 ? 300 : 15;
      const optim::StepTiming t =
          optim::time_step({.codec = codec, .shapes = {{size}}, .repetitions = repetitions});
      std::printf(
          "{\"params\":%lld,\"state\":\"%s\",\"ms\":%.4f,\"median_ms\":%.4f,\"norm_ms\":%.4f,"
          "\"ns_per_param\":%.4f,\"bytes_per_param\":%.3f,\"gbps\":%.2f,\"copy_gbps\":%.2f,\"threads\":%d,"
          "\"level\":\"%s\"}\n",
          static_cast<long long>(size), codec, t.seconds * 1e3, t.median * 1e3, t.norm_seconds * 1e3,
          t.seconds * 1e9 / static_cast<double>(size), t.bytes_per_parameter, t.gbps, copy,
          cpu::thread_count(), cpu::name_of(cpu::level()));
      std::fflush(stdout);
    }
  }
}
