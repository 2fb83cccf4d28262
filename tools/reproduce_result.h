// The small file that a finished run of a grid leaves, with all that its tables need.
#pragma once

#include <string>
#include <vector>

#include "tools/config.h"
#include "tools/events.h"
#include "tools/report.h"
#include "tools/reproduce_grid.h"

namespace octet::tools {

struct GridResult {
  GridRun run;
  std::string status;  // "ok", or "non-finite": the run ended with a gradient that is not finite
  TrainConfig config;
  std::string build, device_name, data_sha256, data_source;
  bool generated = false;
  int64_t jobs = 1;         // runs that shared the device
  std::string finished;     // "2026-11-28T20:15:02Z"
  double wall_seconds = 0;  // with start, reading and saving; of the last sitting alone where it was stopped
  int64_t parameters = 0, state_bytes = 0, train_rows = 0, validation_rows = 0;
  std::vector<EpochEvent> epochs;
  int64_t peak_bytes = 0;
  BytesByTag peak_by_tag{}, max_by_tag{};

  bool ok() const { return status == "ok"; }
  // From 1. Null where the run ended before.
  const EpochEvent* epoch(int64_t number) const;
  double seconds_until(int64_t epoch) const;  // training and validation of the epochs up to this one
};

// From what the run left in its folder. Errors (Data): the log is not that of a whole run of `run`.
GridResult result_of(const GridRun& run, const RunReport& report);

// The file's text ends with the SHA-256 of what stands before it, so that no damage goes unseen.
std::string format_result(const GridResult& result);
// Errors (Data) saying what is wrong with it.
GridResult parse_result(const std::string& text);

std::string result_path(const std::string& folder, const GridRun& run);  // folder/results/NAME.json

// All files in folder/results, by name; those that cannot be used are named in `problems`. No folder: none.
struct FoundResults {
  std::vector<GridResult> results;
  std::vector<std::string> problems;
};
FoundResults read_results(const std::string& folder);

}  // namespace octet::tools
