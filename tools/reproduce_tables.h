// The report's tables beside the same cells from octet's runs, with intervals and a verdict in words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/reproduce_result.h"
#include "tools/reproduce_statistics.h"

namespace octet::tools {

// A cell: one column of a table, one way to store state.
struct TableCell {
  size_t state = 0;  // in kGridStates
  const Printed* printed = nullptr;
  std::vector<int64_t> seeds;  // of the runs that count: finished, and finite until the column's epoch
  std::vector<double> losses;  // of each
  int64_t failed = 0;          // runs that ended with a gradient that is not finite
  int64_t learned = 0;         // runs that answer clearly better than the more frequent answer does
  double accuracy = NAN;       // means from here on
  double seconds = NAN;
  int64_t peak_bytes = 0;
  int64_t state_bytes = 0;
  Interval interval;   // of the mean loss
  PairedTest to_fp32;  // not of fp32 itself
  std::string verdict;

  double loss() const { return mean_of(losses); }
};

struct TableColumn {
  GridColumn column;
  std::vector<TableCell> cells;  // one for each of kGridStates
  PairedTest map;                // v0.36 against its control
  std::string map_verdict;
};

struct ReproducedTable {
  Grid grid;
  std::vector<TableColumn> columns;
  std::vector<std::string> notes;  // what to know of the runs: device, data, shorter than planned, ...
  std::string verdict;             // on octet's own 8-bit state
  std::string map_verdict;         // on the map of v0.36
};

// Of results that are of this grid; others are passed over. `seeds`: how many were planned.
ReproducedTable make_table(const Grid& grid, const std::vector<GridResult>& results, int64_t seeds);

// What a test says, in words: "equal within 2 % ...". `what`: of what the values are, `reference`: of what
// the others; "blockwise8", "fp32".
std::string test_words(const PairedTest& test, std::string_view what, std::string_view reference);
// Of a cell where neither learns anything that is no verdict on the optimizer.
std::string cell_verdict(const TableCell& cell, const TableCell& fp32);
// Whether the map explains what the report printed in this column. `control` and `v036` are its cells.
std::string map_words(const PairedTest& map, const TableCell& control, const TableCell& v036);

std::string loss_text(double loss);                                      // "0.1042", "-" for none
std::string interval_text(const Interval& interval, bool sign = false);  // "0.1012 to 0.1071"
std::string difference_text(const PairedTest& test);                     // "+0.0012"

}  // namespace octet::tools
