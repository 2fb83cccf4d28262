#include "tools/reproduce_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/cpu/thread_pool.h"
#include "tools/device.h"
#include "tools/format.h"
#include "tools/run_folder.h"
#include "tools/table.h"
#include "tools/trainer.h"
#include "tools/workload.h"

namespace octet::tools {
namespace {

struct Estimate {
  double seconds = 0;
  int64_t peak_bytes = 0;
  std::string source;
};

// `any_state`: of a cell's other states too.
bool from_results(const GridRun& run, const std::vector<GridResult>& results, bool any_state, Estimate& out) {
  double seconds = 0;
  int64_t count = 0, peak = 0, jobs = 0;
  for (const GridResult& result : results) {
    if (!result.ok() || result.run.cell() != run.cell() || (!any_state && result.run.state != run.state))
      continue;
    // A run that was stopped has the wall time of its last sitting only.
    seconds += std::max(result.wall_seconds, result.seconds_until(run.epochs));
    peak = std::max(peak, result.peak_bytes);
    jobs = std::max(jobs, result.jobs);
    ++count;
  }
  if (count == 0) return false;
  out = {seconds / static_cast<double>(count), peak,
         fmt::format("{} finished run{}{}, {} at once", count, count == 1 ? "" : "s",
                     any_state ? " of other states" : "", jobs)};
  return true;
}

Estimate trial(const GridRun& run, const GridSettings& settings) {
  TrainConfig config = run.config(settings.device);
  config.data = settings.data;
  cpu::set_thread_count(static_cast<int>(settings.threads));
  ledger(open_device(config.device)).reset_peaks();
  const TextData data = load_text_data(config);
  Trainer trainer(config, data);
  trainer.rehearse(workload_of(config, data));
  // Up to 40 steps, or 2 seconds of three and more.
  constexpr int64_t kMost = 40, kFewest = 3;
  int64_t steps = 0;
  const double begun = steady_seconds();
  trainer.train_epoch([&](const StepReport&) { ++steps; },
                      [&] { return steps >= kMost || (steps >= kFewest && steady_seconds() - begun > 2); });
  const double step = (steady_seconds() - begun) / static_cast<double>(steps);
  const double validation =
      static_cast<double>(data.validation.rows()) / static_cast<double>(data.train.rows()) / 3;
  return {step * static_cast<double>(trainer.steps_per_epoch() * run.epochs) * (1 + validation),
          trainer.state().memory.peak_total, fmt::format("a trial of {} steps, alone", steps)};
}

}  // namespace

int64_t GridPlan::left() const {
  int64_t left = 0;
  for (const PlannedCell& cell : cells) left += cell.runs - cell.done;
  return left;
}

double GridPlan::seconds() const {
  double sum = 0, longest = 0;
  for (const PlannedCell& cell : cells) {
    if (cell.done == cell.runs) continue;
    sum += cell.seconds * static_cast<double>(cell.runs - cell.done);
    longest = std::max(longest, cell.seconds);
  }
  return std::max(longest, sum / static_cast<double>(jobs));
}

int64_t GridPlan::bytes() const {
  std::vector<int64_t> peaks;
  for (const PlannedCell& cell : cells)
    peaks.insert(peaks.end(), static_cast<size_t>(cell.runs - cell.done), cell.peak_bytes);
  std::sort(peaks.rbegin(), peaks.rend());
  int64_t sum = 0;
  for (size_t i = 0; i < std::min(peaks.size(), static_cast<size_t>(jobs)); ++i) sum += peaks[i];
  return sum;
}

GridPlan make_plan(const std::vector<GridRun>& planned, const std::vector<GridResult>& results,
                   const GridSettings& settings) {
  std::set<std::string> done;
  for (const GridResult& result : results) done.insert(result.run.name());
  GridPlan plan{.jobs = settings.jobs};
  for (const GridRun& run : planned) {
    auto cell = std::ranges::find_if(plan.cells, [&](const PlannedCell& other) {
      return other.run.cell() == run.cell() && other.run.state == run.state;
    });
    if (cell == plan.cells.end()) {
      plan.cells.push_back({.run = run});
      cell = plan.cells.end() - 1;
    }
    ++cell->runs;
    std::error_code ignored;
    if (done.contains(run.name()))
      ++cell->done;
    else if (std::filesystem::exists(RunFolder{settings.out + "/runs/" + run.name()}.checkpoint(), ignored))
      ++cell->begun;
  }
  std::map<std::string, Estimate> trials;  // one a cell: states differ by little
  for (PlannedCell& cell : plan.cells) {
    Estimate estimate;
    if (!from_results(cell.run, results, false, estimate) &&
        !from_results(cell.run, results, true, estimate)) {
      const auto [place, first] = trials.try_emplace(cell.run.cell());
      if (first) place->second = trial(cell.run, settings);
      estimate = place->second;
    }
    cell.seconds = estimate.seconds;
    cell.peak_bytes = estimate.peak_bytes;
    cell.source = estimate.source;
  }
  return plan;
}

std::string to_text(const GridPlan& plan) {
  Table table({"runs", "state", "in all", "done", "begun", "left", "time each", "memory each", "from"}, 2);
  for (const PlannedCell& cell : plan.cells)
    table.row({cell.run.cell(), std::string(kGridStates[cell.run.state].words), std::to_string(cell.runs),
               std::to_string(cell.done), std::to_string(cell.begun), std::to_string(cell.runs - cell.done),
               format_duration(cell.seconds), format_bytes(cell.peak_bytes), cell.source});
  return table.text() + fmt::format("{} runs are left: about {} with {} at once, and {} of memory\n",
                                    plan.left(), format_duration(plan.seconds()), plan.jobs,
                                    format_bytes(plan.bytes()));
}

nlohmann::ordered_json to_json(const GridPlan& plan) {
  nlohmann::ordered_json out = {{"runs_left", plan.left()},
                                {"jobs", plan.jobs},
                                {"estimated_seconds", plan.seconds()},
                                {"estimated_bytes", plan.bytes()}};
  for (const PlannedCell& cell : plan.cells)
    out["cells"].push_back({{"runs", cell.run.cell()},
                            {"state", kGridStates[cell.run.state].name},
                            {"in_all", cell.runs},
                            {"done", cell.done},
                            {"begun", cell.begun},
                            {"seconds_each", cell.seconds},
                            {"peak_bytes_each", cell.peak_bytes},
                            {"from", cell.source}});
  return out;
}

}  // namespace octet::tools
