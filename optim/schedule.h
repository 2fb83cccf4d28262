// Learning rate schedules: a factor on each group's learning rate.
#pragma once

#include <cstdint>
#include <string_view>

namespace octet::optim {

enum class ScheduleKind { Constant, Linear, Cosine };

// `constant`, `linear` or `cosine`. Errors: another name, kind Usage with the nearest.
ScheduleKind schedule_kind(std::string_view name);

struct Schedule {
  ScheduleKind kind = ScheduleKind::Constant;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // unused by Constant; at least warmup_steps

  // Errors: negative numbers of steps, or total_steps below warmup_steps where it is used.
  void check() const;

  // The factor of step 0, 1, ...: (step + 1) / warmup_steps while warming up; then 1 (Constant), a line from
  // 1 to 0 (Linear) or half a cosine from 1 to 0 (Cosine), which reach 0 at total_steps; 0 after it.
  double factor(int64_t step) const;
};

}  // namespace octet::optim
