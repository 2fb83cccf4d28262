// The largest model that fits a given memory.
#pragma once

#include <functional>
#include <string_view>

#include "tools/memory_model.h"

namespace octet::tools {

// What may grow.
inline constexpr std::string_view kGrowing[] = {"hidden", "layers", "batch_size", "embedding"};

struct Fit {
  TrainConfig config;  // with the largest value of the setting that fits
  int64_t value = 0;
  MemoryForecast forecast;
  int64_t next_peak = 0;  // with one more; 0: the setting can be no larger
};

// By bisection over forecasts: `value` fits and value + 1 does not. `work`: of the data under a config, asked
// again for each batch size. Errors: (Memory) not even a value of 1 fits.
Fit largest_fit(const TrainConfig& config, std::string_view growing, int64_t bytes,
                const std::function<Workload(const TrainConfig&)>& work);

}  // namespace octet::tools
