#include "tools/reproduce_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

namespace octet::tools {
namespace {

TableCell make_cell(const Grid& grid, const GridColumn& column, size_t state,
                    const std::vector<GridResult>& results) {
  TableCell cell;
  cell.state = state;
  cell.printed = state == kFp32 ? &column.printed->bits32 : &column.printed->bits8;
  std::vector<double> accuracies, seconds, peaks, states;
  for (const GridResult& result : results) {
    const GridRun& run = result.run;
    if (run.task != grid.task || run.layers != column.layers || run.epochs != grid.epochs ||
        run.state != state)
      continue;
    const EpochEvent* epoch = result.epoch(column.epoch);
    if (!epoch || !std::isfinite(epoch->val_loss)) {
      ++cell.failed;
      continue;
    }
    cell.seeds.push_back(run.seed);
    cell.losses.push_back(epoch->val_loss);
    accuracies.push_back(epoch->val_accuracy);
    seconds.push_back(result.seconds_until(column.epoch));
    peaks.push_back(static_cast<double>(epoch->peak_bytes));
    states.push_back(static_cast<double>(result.state_bytes));
    cell.learned += epoch->val_accuracy > grid.chance_accuracy + 0.25 * (1 - grid.chance_accuracy);
  }
  if (cell.losses.empty()) return cell;
  cell.accuracy = mean_of(accuracies);
  cell.seconds = mean_of(seconds);
  cell.peak_bytes = std::llround(mean_of(peaks));
  cell.state_bytes = std::llround(mean_of(states));
  cell.interval = bootstrap_mean(cell.losses);
  return cell;
}

// Over the seeds that both have.
PairedTest compare(const TableCell& cell, const TableCell& reference) {
  std::vector<double> values, references;
  for (size_t i = 0; i < cell.seeds.size(); ++i) {
    const auto found = std::ranges::find(reference.seeds, cell.seeds[i]);
    if (found == reference.seeds.end()) continue;
    values.push_back(cell.losses[i]);
    references.push_back(reference.losses[static_cast<size_t>(found - reference.seeds.begin())]);
  }
  return paired_test(values, references);
}

std::string listed(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::vector<std::string> notes_on(const Grid& grid, const std::vector<GridResult>& results, int64_t seeds) {
  std::set<std::string> devices, builds, data, jobs;
  std::string first, last;
  int64_t count = 0;
  bool generated = false;
  for (const GridResult& result : results) {
    if (result.run.task != grid.task || result.run.epochs != grid.epochs) continue;
    ++count;
    generated = generated || result.generated;
    devices.insert(result.device_name);
    builds.insert(result.build);
    data.insert(result.data_sha256.substr(0, 16));
    jobs.insert(std::to_string(result.jobs));
    const std::string day = result.finished.substr(0, 10);
    first = first.empty() ? day : std::min(first, day);
    last = std::max(last, day);
  }
  const int64_t planned = static_cast<int64_t>(runs_of({grid}, seeds).size());
  std::vector<std::string> notes = {fmt::format("{} of {} runs, {} seeds planned.", count, planned, seeds)};
  if (grid.shortened())
    notes.push_back(
        fmt::format("Shorter than the experiment: runs of {} epochs, not {}. Printed values are "
                    "those of the experiment.",
                    grid.epochs, grid.planned_epochs));
  if (count == 0) return notes;
  if (generated) notes.push_back("generated: the data are made up by octet, not those of the experiment.");
  notes.push_back(fmt::format("Finished {}{}; device {}; build {}; data SHA-256 {}...; runs at once: {}.",
                              first, last == first ? "" : " to " + last, listed(devices), listed(builds),
                              listed(data), listed(jobs)));
  notes.push_back(
      "Runs of a seed share split, initialisation, order of batches and dropout masks; the split is the same "
      "for all seeds.");
  return notes;
}

// "equal to fp32 in 2 of 3 columns (2 layers, 4 layers)" and the like, from the findings of all columns.
std::string own_verdict(const ReproducedTable& table) {
  std::map<std::string, std::vector<std::string>> columns;
  for (const TableColumn& column : table.columns) {
    const TableCell &fp32 = column.cells[kFp32], &cell = column.cells[kDefault8];
    std::string kind;
    switch (cell.to_fp32.finding) {
      case Finding::NoTest:
      case Finding::Undecided:
        kind = "not enough runs for a verdict";
        break;
      case Finding::Equal:
        kind = "free: equal to fp32 within 2 %";
        break;
      case Finding::Higher:
      case Finding::FarHigher:
        kind = "not free: a higher loss than fp32";
        break;
      case Finding::Lower:
      case Finding::FarLower:
        kind = "free: a lower loss than fp32";
    }
    if (!cell.losses.empty() && cell.learned == 0 && fp32.learned == 0)
      kind = "no verdict, as nothing is learned with either";
    columns[kind].push_back(column.column.name);
  }
  std::string out = "8-bit block-wise state as octet has it is ";
  bool first = true;
  for (const auto& [kind, names] : columns) {
    out += first ? "" : "; ";
    for (size_t i = 0; i < names.size(); ++i) out += (i > 0 ? ", " : "") + names[i];
    out += ": " + kind;
    first = false;
  }
  return out.replace(out.find(" is "), 4, ", by column: ") + ".";
}

std::string whole_map_verdict(const ReproducedTable& table) {
  std::string out = "Does the v0.36 map explain the report's 8-bit columns? ";
  for (size_t i = 0; i < table.columns.size(); ++i)
    out += (i > 0 ? " " : "") + table.columns[i].column.name + ": " + table.columns[i].map_verdict + ".";
  return out;
}

}  // namespace

ReproducedTable make_table(const Grid& grid, const std::vector<GridResult>& results, int64_t seeds) {
  ReproducedTable table{.grid = grid, .notes = notes_on(grid, results, seeds)};
  for (const GridColumn& column : grid.columns) {
    TableColumn out{.column = column};
    for (size_t state = 0; state < std::size(kGridStates); ++state)
      out.cells.push_back(make_cell(grid, column, state, results));
    for (size_t state = 1; state < out.cells.size(); ++state) {
      out.cells[state].to_fp32 = compare(out.cells[state], out.cells[kFp32]);
      out.cells[state].verdict = cell_verdict(out.cells[state], out.cells[kFp32]);
    }
    out.map = compare(out.cells[kV036], out.cells[kControl]);
    out.map_verdict = map_words(out.map, out.cells[kControl], out.cells[kV036]);
    table.columns.push_back(std::move(out));
  }
  table.verdict = own_verdict(table);
  table.map_verdict = whole_map_verdict(table);
  return table;
}

}  // namespace octet::tools
