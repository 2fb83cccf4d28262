#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "tools/commands/declare.h"
#include "tools/config_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/names.h"
#include "tools/trainer.h"

namespace octet::tools {
namespace {

// The model is built and one step is taken on the largest batch of the data, which is where a run's peak
// lies; so what is printed is measured, not estimated, and nothing is written.
int memory(const TrainFlags& flags) {
  const TrainConfig config = flags.resolve();
  require(!config.task.empty(), "octet memory: no task named; name one of: ", join(kTasks));
  cpu::set_thread_count(static_cast<int>(config.threads));
  const TextData data = load_text_data(config);
  Trainer trainer(config, data);
  trainer.rehearse();
  const MemoryUse& use = trainer.state().memory;
  if (config.json) {
    nlohmann::ordered_json json = {{"predicted_by_tag", to_json(use.at_peak)},
                                   {"predicted_peak", use.peak_total}};
    if (data.generated) json["generated"] = true;
    std::printf("%s\n", json.dump().c_str());
    return 0;
  }
  const std::string prefix = data.generated ? "generated: " : "";
  const auto line = [&](const std::string& text) { std::printf("%s%s\n", prefix.c_str(), text.c_str()); };
  const int64_t parameters = trainer.model().parameter_count();
  line(fmt::format("{}: {} parameters, {} with {} state, batches of {}", config.task,
                   format_count(parameters), config.optimizer, config.state, config.batch_size));
  line(fmt::format("{:<18}{:>14}{:>12}{:>14}", "", "at the peak", "share", "own largest"));
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    line(fmt::format("{:<18}{:>14}{:>10.1f} %{:>14}", name_of(static_cast<MemoryTag>(tag)),
                     format_bytes(use.at_peak[tag]),
                     100.0 * static_cast<double>(use.at_peak[tag]) / static_cast<double>(use.peak_total),
                     format_bytes(use.peak[tag])));
  line(fmt::format("{:<18}{:>14}{:>12}", "all", format_bytes(use.peak_total), ""));
  line(fmt::format("optimizer state: {:.2f} bytes a parameter",
                   static_cast<double>(trainer.optimizer().state_bytes()) / static_cast<double>(parameters)));
  return 0;
}

}  // namespace

std::function<int()> declare_memory(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>(app);
  return [flags] { return memory(*flags); };
}

}  // namespace octet::tools
