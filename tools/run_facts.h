// What was run on what: beside the settings in a run's log and its config file, and as its first lines.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/config.h"
#include "tools/text_data.h"
#include "tools/trainer.h"

namespace octet::tools {

nlohmann::ordered_json run_facts(const TextData& data, const Trainer& trainer);

// The text of a run's config file, with those facts as comments; octet train --config FILE repeats the run.
std::string config_text(const TrainConfig& config, const nlohmann::ordered_json& facts);

// What a run says of itself before it begins.
std::vector<std::string> opening_lines(const TrainConfig& config, const TextData& data,
                                       const Trainer& trainer);

}  // namespace octet::tools
