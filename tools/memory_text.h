// A forecast of memory for people and for machines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/ledger.h"
#include "tools/memory_model.h"

namespace octet::tools {

// The same run with its optimizer state in each codec, in the order of kCodecs.
struct CodecForecast {
  std::string codec;
  int64_t state_bytes, peak;
  int64_t coded_parameters;  // whose state is stored so; the others' is fp32
};
std::vector<CodecForecast> forecast_codecs(const TrainConfig& config, const Workload& work);

// The tags: at the peak, their shares, each at its own largest.
std::string tag_table(const MemoryForecast& forecast);
// Every tensor at the peak by tag: name, shape, type, elements x size, and what the ledger counts; with sums.
std::string tensor_table(const MemoryForecast& forecast);
// The codecs side by side, and in words what they can save. `overridden`: some state is another in every row.
std::string codec_table(const MemoryForecast& forecast, const std::vector<CodecForecast>& codecs,
                        bool overridden);
// Beside what was measured.
std::string measured_table(const MemoryForecast& forecast, const MemoryUse& measured);

// {"predicted_by_tag":{...},"predicted_peak":n,"max_by_tag":{...},"phase":"backward","parameters":n,
//  "weight_bytes":n,"state_bytes":n,"states":[{"state":"fp32","state_bytes":n,"predicted_peak":n},...]},
//  "not_known" where
// there is something, and with `tensors` all that is there at the peak:
// "tensors":[{"name":"fc.weight","tag":"weights","shape":[1,64],"dtype":"f32","bytes":256},...]
nlohmann::ordered_json to_json(const MemoryForecast& forecast, const std::vector<CodecForecast>& codecs,
                               bool tensors);

}  // namespace octet::tools
