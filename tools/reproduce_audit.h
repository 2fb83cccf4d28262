// What in the report does not add up, recomputed: each point from the printed numbers, the shapes of the
// models and, where they are there, octet's own runs.
#pragma once

#include <string>
#include <vector>

#include "tools/reproduce_result.h"

namespace octet::tools {

// A point holds where all of its steps do.
struct AuditStep {
  std::string arithmetic;  // "42,156,544 / 2^20 = 40.20; 402.04 / 40.20 = 10.00"
  bool holds = false;
};
struct AuditPoint {
  int number = 0;
  std::string claim;
  std::vector<AuditStep> steps;
  std::string beyond;  // what the claim says and nothing here can compute; empty: nothing

  bool holds() const;
};
// All nine, in order. `results` may be empty.
std::vector<AuditPoint> audit(const std::vector<GridResult>& results);

// A memory cell of the report: what it says, what it must have been, and whether it can be.
struct MemoryCell {
  std::string table, column, state;  // "Table 1", "50 epochs", "8-bit"
  double printed = 0;                // as printed, "MB"
  double mebibytes = 0;              // what must have been meant
  std::string as_printed;            // "possible", "impossible", "impossible by state alone"
  std::string why;                   // with the arithmetic
};
std::vector<MemoryCell> memory_audit();

}  // namespace octet::tools
