// What a run will hold in memory, told from its settings before anything of it exists: every tensor at the
// moment of the peak, with the bytes that the device's ledger will count for it (tests compare the two).
#pragma once

#include <string>
#include <vector>

#include "tools/config.h"
#include "tools/memory_plan.h"
#include "tools/workload.h"

namespace octet::tools {

struct MemoryForecast {
  int64_t peak = 0;
  BytesByTag at_peak{};                // sums to peak
  BytesByTag largest{};                // of each tag by itself
  std::string phase;                   // when the peak is: "backward", "validation", ...
  std::vector<PlannedTensor> tensors;  // at the peak
  int64_t parameters = 0;              // elements, frozen ones included
  int64_t weight_bytes = 0;            // of weights, without averages, not rounded
  int64_t state_bytes = 0;             // of optimizer state, not rounded
  int64_t coded_parameters = 0;        // elements whose state is stored as the codec says
  std::vector<std::string> not_known;  // for a person: what is left out or taken to be like something else
};

// A run from its start to the validation after the first epoch. No tensor is allocated and no device opened.
// Errors (Usage): what the optimizer says of its settings.
MemoryForecast forecast(const TrainConfig& config, const Workload& work);

}  // namespace octet::tools
