// Makes the runs of a grid, each a process of its own, so that a kill loses no finished run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/reproduce_result.h"

namespace octet::tools {

struct GridSettings {
  std::string out;     // results/ of finished runs, runs/ of others
  std::string device;  // "cpu", "cuda"
  std::string data;    // --data
  int64_t threads = 0;
  int64_t jobs = 1;
  double stop_at = 0;  // on the clock of steady_seconds(); runs are then stopped and saved
};

enum class GridEnd { Done, TimeUp, Signalled };

double steady_seconds();

// Runs of `left`, up to `jobs` at once. A run leaves its result file and nothing else; one that is stopped
// leaves its folder, from which it is gone on with; a folder that cannot be gone on with is started anew.
// `say` gets a line for each run that ends or is started anew, `stop` says whether a signal came. A gradient
// that is not finite is a result. Errors: of the kind with which a run ended, with what it said; the other
// runs are stopped and saved before.
GridEnd make_runs(const std::vector<GridRun>& left, int64_t done_before, const GridSettings& settings,
                  const std::function<void(const std::string&)>& say, const std::function<bool()>& stop,
                  std::vector<GridResult>& results);

}  // namespace octet::tools
