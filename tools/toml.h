// Reads config files: the part of TOML 1.0 that flat settings need. `key = value` lines with comments; a
// value is a text in double or single quotes, a number, true or false, or an array of texts in quotes (over
// several lines if wanted). Tables, dates and multi-line texts are not settings and are rejected by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/fields.h"

namespace octet::tools {

struct TomlEntry {
  std::string key;
  int line;  // counted from 1
  Value value;
};

// The entries of `text` in their order; `name` is the file's, for errors (kind Usage): "run.toml:3: ...".
std::vector<TomlEntry> parse_toml(std::string_view text, std::string_view name);

}  // namespace octet::tools
