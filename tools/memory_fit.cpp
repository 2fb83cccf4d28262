#include "tools/memory_fit.h"

#include <algorithm>
#include <string>
#include <type_traits>

#include "core/error.h"
#include "core/names.h"
#include "tools/byte_size.h"

namespace octet::tools {
namespace {

TrainConfig with(TrainConfig config, std::string_view setting, int64_t value) {
  (setting == "hidden"       ? config.hidden
   : setting == "layers"     ? config.layers
   : setting == "batch_size" ? config.batch_size
                             : config.embedding) = value;
  return config;
}

// The largest value that the flag takes.
int64_t most_of(TrainConfig config, std::string_view setting) {
  double most = 0;
  config.visit([&](const Field& field, const auto&, const auto& constraint) {
    if constexpr (std::is_same_v<std::decay_t<decltype(constraint)>, Range>)
      if (field.name == setting) most = constraint.high;
  });
  return static_cast<int64_t>(most);
}

}  // namespace

Fit largest_fit(const TrainConfig& config, std::string_view growing, int64_t bytes,
                const std::function<Workload(const TrainConfig&)>& work) {
  require_name("setting", growing, kGrowing);
  require(config.model != "bag" || (growing != "hidden" && growing != "layers"), ErrorKind::Usage,
          "--model bag has no ", growing, "; name another setting by --grow: batch_size or embedding");
  require(config.glove.empty() || growing != "embedding", ErrorKind::Usage,
          "--grow embedding: the width of the word vectors of --glove is given");
  const Workload same = work(config);
  const auto told = [&](int64_t value) {
    const TrainConfig c = with(config, growing, value);
    return forecast(c, growing == "batch_size" ? work(c) : same);
  };
  const int64_t most = most_of(config, growing);
  Fit fit{.config = config, .value = 1, .forecast = told(1), .next_peak = 0};
  require(fit.forecast.peak <= bytes, ErrorKind::Memory, "memory: not even ", growing, " 1 fits ",
          exact_bytes(bytes), ": it needs ", exact_bytes(fit.forecast.peak));
  // It fits at fit.value, and does not at `above`: found by doubling, then by halving what lies between.
  int64_t above = 0;
  const auto look = [&](int64_t value) {
    MemoryForecast next = told(value);
    if (next.peak > bytes) {
      above = value;
      fit.next_peak = next.peak;
    } else {
      fit.value = value;
      fit.forecast = std::move(next);
    }
  };
  for (int64_t value = 2; above == 0 && fit.value < most; value = std::min(2 * value, most)) look(value);
  while (above > fit.value + 1) look(fit.value + (above - fit.value) / 2);
  fit.config = with(config, growing, fit.value);
  return fit;
}

}  // namespace octet::tools
