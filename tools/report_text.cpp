#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "tools/format.h"
#include "tools/report.h"

namespace octet::tools {
namespace {

std::string in_format(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "not finite";
}

}  // namespace

std::string report_text(const std::vector<RunReport>& runs) {
  std::string prefix, out;
  std::vector<std::pair<std::string, std::vector<std::string>>> rows;
  for (const RunReport& run : runs)
    if (run.generated()) prefix = "generated: ";
  const auto row = [&](const std::string& name, const auto& cell) {
    rows.emplace_back(name, std::vector<std::string>());
    for (const RunReport& run : runs) rows.back().second.push_back(cell(run));
  };
  // Of the last epoch; a run has none before the first is over.
  const auto last = [&](const std::string& name, double EpochEvent::*member, double scale,
                        const char* format) {
    row(name, [&](const RunReport& run) {
      return run.last() ? in_format(scale * (run.last()->*member), format) : std::string("-");
    });
  };
  row("run", [](const RunReport& run) { return run.name; });
  row("optimizer", [](const RunReport& run) { return run.config.optimizer; });
  row("state", [](const RunReport& run) { return run.config.state; });
  // Beside the state whether they differ or not: without it the name of the state is half of the truth.
  const bool overrides = std::any_of(runs.begin(), runs.end(),
                                     [](const RunReport& run) { return !run.config.state_override.empty(); });
  if (overrides)
    row("state_override", [](const RunReport& run) {
      const std::vector<std::string>& of_run = run.config.state_override;
      return of_run.empty() ? "-" : join(std::vector<std::string_view>(of_run.begin(), of_run.end()));
    });
  const auto narrow = [](const RunReport& run) { return run.config.weight_dtype != "fp32"; };
  if (std::any_of(runs.begin(), runs.end(), narrow))
    row("weight_dtype", [](const RunReport& run) { return run.config.weight_dtype; });
  for (const Difference& difference : differences(runs)) {
    // These have rows of their own.
    static constexpr std::string_view kShown[] = {"optimizer", "state", "state_override", "weight_dtype",
                                                  "epochs"};
    if (std::find(std::begin(kShown), std::end(kShown), difference.name) != std::end(kShown)) continue;
    size_t i = 0;
    row(difference.name, [&](const RunReport&) { return difference.values[i++]; });
  }
  row("status", [](const RunReport& run) { return run.status(); });
  row("epochs", [](const RunReport& run) {
    const std::string done = std::to_string(run.epochs.size()), asked = std::to_string(run.config.epochs);
    return done == asked ? done : done + " of " + asked;
  });
  last("val loss", &EpochEvent::val_loss, 1, "{:.4f}");
  last("val accuracy", &EpochEvent::val_accuracy, 100, "{:.2f} %");
  if (std::any_of(runs.begin(), runs.end(), [](const RunReport& run) { return run.test.has_value(); }))
    row("test accuracy", [](const RunReport& run) {
      return run.test ? in_format(100 * run.test->accuracy, "{:.2f} %") : std::string("-");
    });
  row("best epoch", [](const RunReport& run) { return std::to_string(run.best() ? run.best()->epoch : 0); });
  row(best_loss_words(runs), [](const RunReport& run) {
    return run.best() ? in_format(run.best()->val_loss, "{:.4f}") : std::string("-");
  });
  row("seconds", [](const RunReport& run) { return in_format(run.seconds(), "{:.2f}"); });
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    row(name_of(static_cast<MemoryTag>(tag)),
        [&](const RunReport& run) { return format_bytes(run.max_by_tag()[tag]); });
  row("peak, all", [](const RunReport& run) { return format_bytes(run.peak_bytes()); });
  size_t width = 14;
  for (const auto& [name, cells] : rows)
    for (const std::string& cell : cells) width = std::max(width, cell.size());
  for (const auto& [name, cells] : rows) {
    out += prefix + fmt::format("{:<18}", name);
    for (const std::string& cell : cells) out += fmt::format("{:>{}}", cell, width + 2);
    out += "\n";
  }
  out += prefix +
         "Each tag is at its own maximum (of a run without an end: at the peak); they are of different\n" +
         prefix + "moments and may add up to more than the peak.\n";
  return out;
}

}  // namespace octet::tools
