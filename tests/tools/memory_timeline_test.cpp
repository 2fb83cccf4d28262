// What is recorded of a step's memory, how it is thinned out, and how it is logged.
#include "tools/memory_timeline.h"

#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/tensor.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::tools;

namespace {

Tensor make(int64_t bytes, MemoryTag tag) { return Tensor::empty({bytes}, DType::U8, Device::cpu(), tag); }
int64_t held(const MemoryTimeline::Point& point, MemoryTag tag) {
  return point.live[static_cast<size_t>(tag)];
}

MemoryTimeline zigzag(int64_t changes) {
  MemoryTimeline timeline;
  timeline.changes = changes;
  timeline.step = 3, timeline.rows = 64;
  for (int64_t i = 0; i <= changes; ++i)
    timeline.points.push_back({i, {100, 0, 0, (i * 7919) % 1000, 0, i % 2}});
  timeline.points[static_cast<size_t>(changes / 3)].live[3] = 123456;  // the peak, one change long
  timeline.phases = {{"forward", 0, changes / 2}, {"backward", changes / 2, changes}};
  return timeline;
}

int64_t highest(const MemoryTimeline& timeline) {
  int64_t most = 0;
  for (const auto& point : timeline.points) most = std::max(most, point.total());
  return most;
}

}  // namespace

TEST_CASE("a recorder sees every allocation and release of its device, by tag and phase") {
  const Tensor before = make(640, MemoryTag::Weights);
  MemoryTimeline timeline;
  {
    TimelineRecorder recorder(Device::cpu());
    {
      const ProfileRange step(Device::cpu(), "step");
      const ProfileRange forward(Device::cpu(), "forward");
      const ProfileRange layer(Device::cpu(), "Linear");
      const Tensor a = make(6400, MemoryTag::Activations);
      const Tensor b = make(64, MemoryTag::Workspace);
    }
    const ProfileRange update(Device::cpu(), "update");
    timeline = recorder.finish();
  }
  const Tensor after = make(64, MemoryTag::Weights);
  CHECK(timeline.changes == 4);
  REQUIRE(timeline.points.size() == 5);
  const int64_t start = held(timeline.points[0], MemoryTag::Activations);
  CHECK(held(timeline.points[0], MemoryTag::Weights) >= 640);
  CHECK(held(timeline.points[1], MemoryTag::Activations) == start + 6400);
  CHECK(held(timeline.points[2], MemoryTag::Workspace) ==
        held(timeline.points[0], MemoryTag::Workspace) + 64);
  CHECK(timeline.points[4].live == timeline.points[0].live);
  REQUIRE(timeline.phases.size() == 2);  // layers, and the step as a whole, are none
  CHECK(timeline.phases[0].name == "forward");
  CHECK(timeline.phases[0].from == 0);
  CHECK(timeline.phases[0].to == 4);
  CHECK(timeline.phases[1].name == "update");
  CHECK(timeline.phases[1].to == 4);
}

TEST_CASE("thinning out keeps ends, order and every stretch's highest and lowest") {
  for (const int64_t changes : {10, 249, 250, 251, 500, 12345}) {
    CAPTURE(changes);
    const MemoryTimeline whole = zigzag(changes), thin = downsampled(whole, 250);
    CHECK(thin.points.size() <= 250);
    CHECK(thin.points.size() >= std::min<size_t>(whole.points.size(), 120));
    CHECK(thin.points.front().at == 0);
    CHECK(thin.points.back().at == changes);
    CHECK(highest(thin) == highest(whole));
    for (size_t i = 1; i < thin.points.size(); ++i) CHECK(thin.points[i - 1].at < thin.points[i].at);
    for (const auto& point : thin.points)
      CHECK(point.live == whole.points[static_cast<size_t>(point.at)].live);
  }
  CHECK(downsampled(zigzag(100), 1).points.size() <= 8);
}

TEST_CASE("a step of very many allocations is recorded in bounded memory, its peak kept") {
  TimelineRecorder recorder(Device::cpu());
  for (int i = 0; i < 100000; ++i) const Tensor small = make(64 * (i == 50001 ? 1000 : 1), MemoryTag::Data);
  const MemoryTimeline timeline = recorder.finish();
  CHECK(timeline.changes == 200000);
  CHECK(timeline.points.size() < 70000);
  CHECK(highest(timeline) == timeline.points[0].total() + 64000);
}

TEST_CASE("a timeline is told of the step that was chosen alone") {
  StepTimeline steps(Device::cpu(), 2);
  steps.before(1, 1);
  CHECK(!steps.after(8));
  steps.before(1, 2);
  const Tensor x = make(64, MemoryTag::Data);
  const auto timeline = steps.after(8);
  REQUIRE(timeline);
  CHECK(timeline->step == 2);
  CHECK(timeline->rows == 8);
  CHECK(timeline->changes == 1);
  steps.before(2, 2);
  CHECK(!steps.after(8));
}

TEST_CASE("a timeline comes back from its event, and a damaged event is refused with the reason") {
  const MemoryTimeline timeline = downsampled(zigzag(1000), 250);
  const nlohmann::ordered_json event = to_json(zigzag(1000));
  CHECK(event.dump().size() < 12000);
  const MemoryTimeline read = timeline_from_json(event);
  CHECK(read.step == 3);
  CHECK(read.rows == 64);
  CHECK(read.changes == 1000);
  REQUIRE(read.points.size() == timeline.points.size());
  for (size_t i = 0; i < read.points.size(); ++i) CHECK(read.points[i].live == timeline.points[i].live);
  REQUIRE(read.phases.size() == 2);
  CHECK(read.phases[1].name == "backward");
  const auto refused = [&](const char* pointer, const nlohmann::ordered_json& value, const char* why) {
    nlohmann::ordered_json damaged = event;
    damaged[nlohmann::ordered_json::json_pointer(pointer)] = value;
    CHECK_ERROR(ErrorKind::Data, why, timeline_from_json(damaged));
  };
  refused("/points/3", 7, "a point of a timeline");
  refused("/points/3/0", 0, "out of order");
  refused("/points/3/1", -1, "expected a count, got -1");
  refused("/points/3/1", 1e300, "expected a count");
  refused("/points/3/0", 5000, "out of order");
  refused("/phases/0/phase", 1, "phase is no text");
  refused("/changes", nullptr, "expected a count");
  CHECK_ERROR(ErrorKind::Data, "has no step", timeline_from_json({{"event", "memory_timeline"}}));
}
