#include "optim/schedule.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "optim/registry.h"

namespace octet::optim {

ScheduleKind schedule_kind(std::string_view name) {
  static constexpr std::string_view names[] = {"constant", "linear", "cosine"};
  return static_cast<ScheduleKind>(place_of(name, names, "schedule"));
}

void Schedule::check() const {
  require(warmup_steps >= 0, "schedule: ", warmup_steps, " warm-up steps; it must be 0 or more");
  require(kind == ScheduleKind::Constant || total_steps >= warmup_steps, "schedule: ", total_steps,
          " steps in all are fewer than the ", warmup_steps, " of warm-up");
}

double Schedule::factor(int64_t step) const {
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  if (kind == ScheduleKind::Constant) return 1.0;
  if (step >= total_steps) return 0.0;
  const double done =
      static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
  return kind == ScheduleKind::Linear ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

}  // namespace octet::optim
