// Which runs `octet reproduce` makes: the columns of the report's Tables 1 and 2, four ways to store
// optimizer state, and seeds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config.h"
#include "tools/reproduce_printed.h"

namespace octet::tools {

// A way to store optimizer state. The control differs from v0.36 in the map of second moments alone.
struct GridState {
  std::string_view name;   // in the names of files
  std::string_view words;  // in tables
  std::string_view codec;
  bool plain_2048 = false;  // --second-moment plain --block-size 2048
};
constexpr size_t kFp32 = 0, kDefault8 = 1, kControl = 2, kV036 = 3;
inline constexpr GridState kGridStates[] = {
    {"fp32", "fp32", "fp32"},
    {"blockwise8", "blockwise8", "blockwise8"},
    {"control", "blockwise8, plain, 2048 (control)", "blockwise8", true},
    {"blockwise8-v0.36", "blockwise8-v0.36", "blockwise8-v0.36"},
};

// What differs in a column of a table: how deep the model is, and which epoch of its runs is read.
struct GridColumn {
  std::string name;  // "50 epochs", "2 layers"
  int64_t layers = 2, epoch = 0;
  const PrintedColumn* printed = nullptr;
};

// An experiment: its table and the length of its runs.
struct Grid {
  std::string task;   // "sms", "imdb"
  std::string title;  // "Table 1, SMS"
  int64_t epochs = 0;
  int64_t planned_epochs = 0;  // of the experiment; where that is more, the run is a shorter one
  std::vector<GridColumn> columns;
  // Validation accuracy of always giving the more frequent answer, in the experiment's split.
  double chance_accuracy = 0;

  bool shortened() const { return epochs != planned_epochs; }
};
Grid sms_grid(int64_t epochs = 100);  // its columns are the middle epoch and the last
Grid imdb_grid(int64_t epochs = 5);

// One run of a grid.
struct GridRun {
  std::string task;
  int64_t layers = 2, epochs = 0;
  size_t state = 0;  // in kGridStates
  int64_t seed = 1;

  std::string cell() const;  // "sms-100ep", "imdb-2layers-5ep"
  std::string name() const;  // "sms-100ep-fp32-seed1"
  // All settings that decide its numbers.
  TrainConfig config(const std::string& device) const;
  // The flags of `octet train` that lead to this config.
  std::vector<std::string> flags(const std::string& device) const;
};
// Seed by seed, so that whatever there is of an unfinished grid are whole pairs.
std::vector<GridRun> runs_of(const std::vector<Grid>& grids, int64_t seeds);

}  // namespace octet::tools
