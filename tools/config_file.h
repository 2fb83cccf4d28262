// Config files: --config run.toml, and config.toml beside the results.
#pragma once

#include <string>
#include <string_view>

#include "tools/config.h"

namespace octet::tools {

// Sets the fields that `text` names; `name` is the file's, for errors. Keys may be written with '_' or '-'.
// An unknown key or a value out of range is an Error of kind Usage that names line and, for a key, the
// nearest valid one.
void apply_toml(TrainConfig& config, std::string_view text, std::string_view name);

// The same for a file; a file that cannot be read is an Error of kind Data.
void apply_config_file(TrainConfig& config, const std::string& path);

// Every field, one `key = value` a line; apply_toml() of it gives the same config.
std::string to_toml(const TrainConfig& config);

}  // namespace octet::tools
