// What a run's folder tells of the run: log.jsonl, and the optimizer state of its checkpoint. Reports are
// pure functions of it, so that `octet report` and the end of a run make the same page.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/answers.h"
#include "tools/config.h"
#include "tools/events.h"
#include "tools/memory_timeline.h"

namespace octet::tools {

struct RunReport {
  std::string name;              // of the folder, without what it lies in
  TrainConfig config;            // of the last start event
  nlohmann::ordered_json facts;  // what else stands there: build, device_name, data_source, parameters, ...
  std::vector<EpochEvent> epochs;
  std::optional<TestEvent> test;  // at the end, where rows were put aside for it
  std::optional<EndEvent> end;    // of the last session; none: it goes on, or was killed
  double other_seconds = NAN;     // of the last session: all but training and validation
  std::optional<MemoryTimeline> timeline;
  std::optional<Answers> answers;     // of the last epoch, on the validation rows
  std::string log;                    // its path
  std::vector<std::string> problems;  // lines that could not be used, "log.jsonl:3: ...", and the like

  bool generated() const;  // trained on generated data
  std::string status() const { return end ? end->status : "not ended"; }
  // Whose weights best.safetensors has: as the end tells, or else by --best-by. Null before the first.
  const EpochEvent* best() const;
  const EpochEvent* last() const { return epochs.empty() ? nullptr : &epochs.back(); }
  double seconds() const;  // training and validation
  // Each tag's own maximum; of a run that has not ended, what is known: what it held at the overall peak.
  BytesByTag max_by_tag() const { return end ? end->max_by_tag : peak_by_tag(); }
  int64_t peak_bytes() const { return end ? end->peak_bytes : epochs.empty() ? 0 : last()->peak_bytes; }
  BytesByTag peak_by_tag() const {
    return end ? end->peak_by_tag : epochs.empty() ? BytesByTag{} : last()->peak_by_tag;
  }
};

// From the log in `folder`, or from `log` where that lies elsewhere. Lines that are no events are left out
// and named in `problems`. Of a setting that two start events (a run that was resumed with other storage)
// tell, the later counts; of an epoch told twice likewise. Errors (Data): no such folder, no log in it, or no
// start event in that.
RunReport read_report(const std::string& folder, const std::string& log = "");

// A setting as people read it, and what it is where nothing is said.
struct Setting {
  std::string name, value, fallback;
  bool changed() const { return value != fallback; }
};
// All of them in the order of --help. The fallback is that of the run's rule.
std::vector<Setting> settings_of(const TrainConfig& config);

// In which settings runs differ, but for those that only say where to look and write: by setting its name and
// a value for each run.
struct Difference {
  std::string name;
  std::vector<std::string> values;
};
std::vector<Difference> differences(const std::vector<RunReport>& runs);
// A legend: what is different about run `i`, "state blockwise8, seed 3"; its folder's name where nothing is,
// and behind it where another run is the same in all.
std::vector<std::string> run_labels(const std::vector<RunReport>& runs);

// What to call the validation loss of the best epochs of runs, which is their best only by --best-by loss.
const char* best_loss_words(std::span<const RunReport> runs);

// Side by side, a column each, for a terminal.
std::string report_text(const std::vector<RunReport>& runs);

// One page of one run. `folder` may be empty: then nothing is told of the checkpoint.
std::string report_html(const RunReport& run, const std::string& folder);
// One page for several, side by side.
std::string comparison_html(const std::vector<RunReport>& runs);

}  // namespace octet::tools
