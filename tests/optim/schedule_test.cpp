#include "optim/schedule.h"

#include <cmath>

#include "core/error.h"
#include "optim/clip.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::optim;

TEST_CASE("a linear schedule without warm-up falls from 1 to 0 in equal steps") {
  const Schedule schedule{.kind = ScheduleKind::Linear, .total_steps = 10};
  for (int64_t t = 0; t < 10; ++t)
    CHECK(schedule.factor(t) == doctest::Approx(static_cast<double>(10 - t) / 10));
  CHECK(schedule.factor(10) == 0.0);
  CHECK(schedule.factor(1000) == 0.0);
}

TEST_CASE("warm-up rises in equal steps to 1 under every schedule") {
  for (const ScheduleKind kind : {ScheduleKind::Constant, ScheduleKind::Linear, ScheduleKind::Cosine}) {
    const Schedule schedule{.kind = kind, .warmup_steps = 4, .total_steps = 20};
    for (int64_t t = 0; t < 4; ++t) CHECK(schedule.factor(t) == static_cast<double>(t + 1) / 4);
    CHECK(schedule.factor(4) == 1.0);
  }
}

TEST_CASE("a cosine schedule passes one half in the middle and ends at 0") {
  const Schedule schedule{.kind = ScheduleKind::Cosine, .warmup_steps = 10, .total_steps = 110};
  CHECK(schedule.factor(35) == doctest::Approx(0.5 + std::sqrt(0.5) / 2));
  CHECK(schedule.factor(60) == doctest::Approx(0.5));
  CHECK(schedule.factor(110) == doctest::Approx(0.0));
}

TEST_CASE("a schedule that is all warm-up ends with it") {
  for (const ScheduleKind kind : {ScheduleKind::Linear, ScheduleKind::Cosine}) {
    const Schedule schedule{.kind = kind, .warmup_steps = 6, .total_steps = 6};
    CHECK(schedule.factor(5) == 1.0);
    CHECK(schedule.factor(6) == 0.0);
    CHECK(schedule.factor(7) == 0.0);
  }
}

TEST_CASE("a constant schedule needs no end") { CHECK(Schedule{}.factor(1 << 30) == 1.0); }

TEST_CASE("schedules are found by name, and impossible ones refused") {
  CHECK(schedule_kind("cosine") == ScheduleKind::Cosine);
  CHECK_ERROR(ErrorKind::Usage, "unknown schedule 'cosin', did you mean 'cosine'?", schedule_kind("cosin"));
  CHECK_ERROR(ErrorKind::Usage, "-1 warm-up steps", (Schedule{.warmup_steps = -1}.check()));
  CHECK_ERROR(ErrorKind::Usage, "5 steps in all are fewer than the 6",
              (Schedule{.kind = ScheduleKind::Linear, .warmup_steps = 6, .total_steps = 5}.check()));
  Schedule{.kind = ScheduleKind::Linear, .warmup_steps = 6, .total_steps = 6}.check();
}

TEST_CASE("the clip factor is 1 up to the limit and never more") {
  CHECK(clip_scale(0.5, 1.0) == 1.0);
  CHECK(clip_scale(0.0, 1.0) == 1.0);
  CHECK(clip_scale(4.0, 1.0) == 1.0 / (4.0 + 1e-6));
  CHECK(clip_scale(1e30, 0.0) == 1.0);
}
