// Configs in logs and checkpoints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config.h"

namespace octet::tools {

// Every field under its name, in the order of visit().
nlohmann::ordered_json to_json(const TrainConfig& config);

// The config that to_json() wrote, by `where` (the file, for errors). An unknown field or a value that does
// not fit is an Error of kind Checkpoint; a field that is absent, because the file is of an older version,
// keeps its default.
TrainConfig config_from_json(const nlohmann::ordered_json& json, std::string_view where);

// The fields of this kind in which two configs differ, and the name of the first of them, or an empty one: a
// run resumes only as itself, but may convert its state.
struct ConfigChange {
  std::string_view name;
  std::string before, after;  // as a flag has them; lists as JSON
};
std::vector<ConfigChange> changes(const TrainConfig& a, const TrainConfig& b, Affects affects);
std::string_view first_difference(const TrainConfig& a, const TrainConfig& b,
                                  Affects affects = Affects::Numbers);

}  // namespace octet::tools
