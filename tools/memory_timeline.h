// The rise and fall of memory within one step: what the ledger of a device held after every allocation and
// release, and during which phase.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger.h"

namespace octet::tools {

// Bytes by tag, in the order of changes. Host time is no good axis: a GPU runs behind its allocations.
struct MemoryTimeline {
  struct Point {
    int64_t at = 0;  // changes before it
    BytesByTag live{};
    int64_t total() const;
  };
  struct Phase {
    std::string name;  // "forward", "backward", "update"
    int64_t from = 0, to = 0;
  };
  std::vector<Point> points;  // the first is what was held before the step
  std::vector<Phase> phases;  // one after another; gaps between them are of none
  int64_t changes = 0;
  int64_t step = 0, rows = 0;  // of the first epoch, from 1, and its rows
};

// At most `most` points (8 or more): first and last stay, and of each stretch between them its lowest and its
// highest total, so that no peak is cut off.
MemoryTimeline downsampled(MemoryTimeline timeline, size_t most);

// Records while it lives. Phases are the ProfileRanges of those names.
class TimelineRecorder : MemoryObserver {
 public:
  explicit TimelineRecorder(Device device);
  ~TimelineRecorder() override;
  TimelineRecorder(const TimelineRecorder&) = delete;
  TimelineRecorder& operator=(const TimelineRecorder&) = delete;

  MemoryTimeline finish();  // ends the recording

 private:
  void changed(const BytesByTag& live) override;
  void entered(const char* phase) override;
  void left() override;

  MemoryLedger& ledger_;
  MemoryTimeline timeline_;
  std::vector<bool> open_;  // ranges around what happens now: whether each is a phase
};

// The timeline of one step of the first epoch.
class StepTimeline {
 public:
  // `step` counts from 1.
  StepTimeline(Device device, int64_t step) : device_(device), step_(step) {}
  // To be told of each step (both from 1) before it: the one that was chosen is recorded.
  void before(int64_t epoch, int64_t step);
  // After each: the timeline of the one that was chosen.
  std::optional<MemoryTimeline> after(int64_t rows);

 private:
  Device device_;
  int64_t step_;
  std::optional<TimelineRecorder> recorder_;
};

// {"event":"memory_timeline","epoch":1,"step":n,"rows":n,"changes":n,"tags":["weights",...],
// "points":[[at,bytes,bytes,...],...],"phases":[{"phase":"forward","from":n,"to":n},...]}, with at most 250
// points.
nlohmann::ordered_json to_json(const MemoryTimeline& timeline);
// Errors (Data): it is no such event.
MemoryTimeline timeline_from_json(const nlohmann::ordered_json& event);

}  // namespace octet::tools
