// What a grid will take: runs, time and memory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/reproduce_runs.h"

namespace octet::tools {

// The runs of a cell of one state.
struct PlannedCell {
  GridRun run;  // any of them
  int64_t runs = 0, done = 0, begun = 0;
  double seconds = 0;      // of a run
  int64_t peak_bytes = 0;  // of a run
  std::string source;      // where the two are from: "finished runs", "a trial of 12 steps"
};
struct GridPlan {
  std::vector<PlannedCell> cells;
  int64_t jobs = 1;

  int64_t left() const;
  double seconds() const;  // of all that is left, `jobs` at once
  int64_t bytes() const;   // of the `jobs` largest at once
};

// Time and memory are those of finished runs of the cell, of any state if there is none of this one; else of
// a trial in this process: a step on the largest batch, then a few of an epoch, with validation counted as a
// third of the training of as many rows.
GridPlan make_plan(const std::vector<GridRun>& planned, const std::vector<GridResult>& results,
                   const GridSettings& settings);

std::string to_text(const GridPlan& plan);
nlohmann::ordered_json to_json(const GridPlan& plan);

}  // namespace octet::tools
