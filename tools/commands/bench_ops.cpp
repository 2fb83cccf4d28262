// octet bench ops: one line a kernel of a backend, beside what the device can do at most.
#include "tools/commands/bench_ops.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "tools/commands/bench.h"
#include "tools/config.h"
#include "tools/device.h"
#include "tools/field_flags.h"
#include "tools/jsonl.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

struct OpsConfig {
  std::string device = "cpu", precision = "fp32";
  int64_t threads = 0, repeats = 20;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(Field{"device", "where to compute"}, device, Choice{kDevices});
    v(Field{"precision", "arithmetic of matrix products; tf32 and bf16 need a GPU"}, precision,
      Choice{kPrecisions});
    v(Field{"threads", "CPU threads; 0: all"}, threads, Range{0, 1024});
    v(Field{"repeats", "samples of each kernel, of which the fastest counts"}, repeats, Range{1, 100000});
    v(Field{"json", "a JSON line a kernel"}, json, Switch{});
  }
};

// The fastest of `repeats` samples, in seconds a call. Calls that need no preparation are put together until
// a sample is long against the clock's own cost, and against that of waiting for a GPU.
double fastest_seconds(const OpCase& c, Device device, int64_t repeats) {
  using Clock = std::chrono::steady_clock;
  const auto wait = [&] { backend(device).synchronize(device); };
  const auto sample = [&](int64_t calls) {
    if (c.prepare) c.prepare();
    wait();
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) c.run();
    wait();
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(calls);
  };
  const double long_enough = device.is_cpu() ? 1e-3 : 4e-3;
  sample(1);  // wakes threads, touches memory, chooses algorithms
  const int64_t calls =
      c.prepare
          ? 1
          : std::clamp<int64_t>(static_cast<int64_t>(long_enough / std::max(sample(1), 1e-9)), 1, 10000);
  double best = sample(calls);
  for (int64_t i = 1; i < repeats; ++i) best = std::min(best, sample(calls));
  return best;
}

int bench_ops(const OpsConfig& config) {
  cpu::set_thread_count(static_cast<int>(config.threads));
  const Device device = open_device(config.device, config.precision);
  const OpCase roof = largest_product(device);
  const double peak = roof.flops / fastest_seconds(roof, device, std::min<int64_t>(config.repeats, 5)) / 1e9;
  JsonLines lines(1, "standard output");
  Table table({"kernel", "size", "us", "GFLOP/s", "GB/s", "roof", "of roof"}, 2);
  for (const OpCase& c : op_cases(device)) {
    const double seconds = fastest_seconds(c, device, config.repeats);
    const double gflops = c.flops / seconds / 1e9, gbps = c.bytes / seconds / 1e9;
    const double copy = c.bytes > 0 ? copy_gbps_like(device, c.bytes, static_cast<int>(config.repeats)) : 0;
    const double limit = c.bytes > 0 ? copy : c.flops > 0 ? peak : 0;
    const double share = limit > 0 ? (c.bytes > 0 ? gbps : gflops) / limit : 0;
    using Json = nlohmann::ordered_json;
    if (config.json)
      lines.write({{"op", c.op},
                   {"size", c.size},
                   {"device", config.device},
                   {"ms", 1e3 * seconds},
                   {"gflops", c.flops > 0 ? Json(gflops) : Json()},
                   {"gbps", c.bytes > 0 ? Json(gbps) : Json()},
                   {"copy_gbps", c.bytes > 0 ? Json(copy) : Json()},
                   {"share_of_roof", limit > 0 ? Json(share) : Json()}});
    table.row({c.op, c.size, fixed(1e6 * seconds, 1), c.flops > 0 ? fixed(gflops, 1) : "-",
               c.bytes > 0 ? fixed(gbps, 1) : "-", limit > 0 ? fixed(limit, 0) : "-",
               limit > 0 ? fixed(100 * share, 0) + " %" : "-"});
  }
  if (config.json) return 0;
  std::fputs(table.text().c_str(), stdout);
  std::printf(
      "\n%s, %d threads, %s; fastest of %lld samples. Roof: of products %s (%.0f GFLOP/s), of the others a "
      "plain\n"
      "copy that moves as many bytes\n",
      describe(device).c_str(), cpu::thread_count(), config.precision.c_str(),
      static_cast<long long>(config.repeats), roof.size.c_str(), peak);
  return 0;
}

}  // namespace

std::function<int()> declare_bench_ops(CLI::App& app) { return declare_with(app, bench_ops); }

}  // namespace octet::tools
