#include "tools/memory_timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "tools/json_values.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPhases[] = {"forward", "backward", "update"};
constexpr size_t kMostLogged = 250;
// A step of very many changes is thinned out while it is recorded.
constexpr size_t kMostRecorded = 1 << 16;

}  // namespace

int64_t MemoryTimeline::Point::total() const { return std::accumulate(live.begin(), live.end(), int64_t{0}); }

MemoryTimeline downsampled(MemoryTimeline timeline, size_t most) {
  std::vector<MemoryTimeline::Point>& points = timeline.points;
  if (points.size() <= most) return timeline;
  const auto lower = [](const auto& a, const auto& b) { return a.total() < b.total(); };
  std::vector<MemoryTimeline::Point> kept = {points.front()};
  const size_t stretches = (std::max<size_t>(most, 8) - 2) / 2, inner = points.size() - 2;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * i / stretches),
               end = points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * (i + 1) / stretches);
    if (begin == end) continue;
    auto [low, high] = std::minmax_element(begin, end, lower);
    if (low > high) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  kept.push_back(points.back());
  points = std::move(kept);
  return timeline;
}

TimelineRecorder::TimelineRecorder(Device device) : ledger_(ledger(device)) {
  timeline_.points.push_back({0, ledger_.use().live});
  ledger_.observe(this);
}

TimelineRecorder::~TimelineRecorder() { ledger_.observe(nullptr); }

MemoryTimeline TimelineRecorder::finish() {
  ledger_.observe(nullptr);
  for (MemoryTimeline::Phase& phase : timeline_.phases)
    if (phase.to < 0) phase.to = timeline_.changes;
  return std::exchange(timeline_, {});
}

void TimelineRecorder::changed(const BytesByTag& live) {
  timeline_.points.push_back({++timeline_.changes, live});
  if (timeline_.points.size() >= kMostRecorded)
    timeline_ = downsampled(std::move(timeline_), kMostRecorded / 2);
}

void TimelineRecorder::entered(const char* phase) {
  const bool shown = std::find(std::begin(kPhases), std::end(kPhases), phase) != std::end(kPhases);
  open_.push_back(shown);
  if (shown) timeline_.phases.push_back({phase, timeline_.changes, -1});
}

void TimelineRecorder::left() {
  if (open_.empty()) return;  // began before the recording
  if (open_.back() && !timeline_.phases.empty()) timeline_.phases.back().to = timeline_.changes;
  open_.pop_back();
}

void StepTimeline::before(int64_t epoch, int64_t step) {
  if (epoch == 1 && step == step_) recorder_.emplace(device_);
}

std::optional<MemoryTimeline> StepTimeline::after(int64_t rows) {
  if (!recorder_) return std::nullopt;
  MemoryTimeline timeline = recorder_->finish();
  recorder_.reset();
  timeline.step = step_;
  timeline.rows = rows;
  return timeline;
}

Json to_json(const MemoryTimeline& whole) {
  const MemoryTimeline timeline = downsampled(whole, kMostLogged);
  Json json = {{"event", "memory_timeline"},
               {"epoch", 1},
               {"step", timeline.step},
               {"rows", timeline.rows},
               {"changes", timeline.changes}};
  for (int tag = 0; tag < kMemoryTags; ++tag) json["tags"].push_back(name_of(static_cast<MemoryTag>(tag)));
  for (const MemoryTimeline::Point& point : timeline.points) {
    Json row = {point.at};
    for (const int64_t bytes : point.live) row.push_back(bytes);
    json["points"].push_back(std::move(row));
  }
  json["phases"] = Json::array();
  for (const MemoryTimeline::Phase& phase : timeline.phases)
    json["phases"].push_back({{"phase", phase.name}, {"from", phase.from}, {"to", phase.to}});
  return json;
}

MemoryTimeline timeline_from_json(const Json& event) {
  MemoryTimeline timeline;
  timeline.step = count_of(event, "step");
  timeline.rows = count_of(event, "rows");
  timeline.changes = count_of(event, "changes");
  // A tag that this version does not know is left out.
  std::vector<int> tags;
  for (const Json& name : member_of(event, "tags")) {
    int known = -1;
    for (int tag = 0; tag < kMemoryTags; ++tag)
      if (name == name_of(static_cast<MemoryTag>(tag))) known = tag;
    tags.push_back(known);
  }
  for (const Json& row : member_of(event, "points")) {
    require(row.is_array() && row.size() == tags.size() + 1, ErrorKind::Data,
            "a point of a timeline needs its place and the bytes of ", tags.size(), " tags");
    MemoryTimeline::Point point{count_of(row[0]), {}};
    require(
        point.at <= timeline.changes && (timeline.points.empty() || timeline.points.back().at <= point.at),
        ErrorKind::Data, "the points of a timeline are out of order");
    for (size_t i = 0; i < tags.size(); ++i)
      if (tags[i] >= 0) point.live[static_cast<size_t>(tags[i])] = count_of(row[i + 1]);
    timeline.points.push_back(point);
  }
  for (const Json& phase : member_of(event, "phases"))
    timeline.phases.push_back({text_of(phase, "phase"), count_of(phase, "from"), count_of(phase, "to")});
  return timeline;
}

}  // namespace octet::tools
