// The results that count for a grid, out of the folders that hold some.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/reproduce_result.h"

namespace octet::tools {

// What the runs of a grid must have in common, besides their settings.
struct GridIdentity {
  std::string build, device;                  // empty: as the first result has it
  std::map<std::string, std::string> sha256;  // of the data, by task; likewise where it is not there
};

struct GatheredResults {
  std::vector<GridResult> results;    // each run at most once
  std::vector<std::string> warnings;  // files that could not be used
};

// From `out`, and from the folders of `merge` the runs that are not there. Results of other runs than
// `planned` are passed over. Errors: Usage for a result of other data, another build (unless `any_build`) or
// another kind of device, saying which and what to do; Data for a folder of `merge` without results.
GatheredResults gather_results(const std::vector<GridRun>& planned, const std::string& out,
                               const std::vector<std::string>& merge, GridIdentity identity, bool any_build);

}  // namespace octet::tools
