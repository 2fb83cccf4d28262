#include <fmt/format.h>

#include <cmath>

#include "tools/reproduce_audit.h"
#include "tools/reproduce_printed.h"
#include "tools/reproduce_sizes.h"

namespace octet::tools {
namespace {

// By how much a saving may differ from that of the state before it needs another cause: an allocator rounds
// each tensor up to 512 bytes, two states of the largest model here are 402 tensors, and "MB" has two digits.
double slack(const std::vector<Shape>& model) {
  return static_cast<double>(2 * model.size() * 512) / kMiB + 0.01;
}

// The two cells of a column. `factor`: what the printed values are too large by.
void add_column(std::vector<MemoryCell>& out, const PrintedColumn& column, const std::vector<Shape>& model,
                double factor, const std::string& objection) {
  const double saved = (column.bits32.megabytes - column.bits8.megabytes) / factor;
  const double theory = static_cast<double>(fp32_state_bytes(model) - coded_state_bytes(model)) / kMiB;
  const std::string saving =
      fmt::format("({} - {}){} = {:.2f} MiB saved; 8-bit state can save {:.2f}", column.bits32.megabytes,
                  column.bits8.megabytes, factor == 1 ? "" : fmt::format(" / {}", factor), saved, theory);
  const bool fits = std::abs(saved - theory) <= slack(model);
  const std::string verdict =
      fits             ? ", which fits"
      : saved > theory ? ": more than the state has, so the runs differ in something else as well"
                       : ": less than the state gives back, so the cells are not of one experiment";
  for (const bool coded : {false, true}) {
    MemoryCell cell{.table = column.table, .column = column.column, .state = coded ? "8-bit" : "32-bit"};
    cell.printed = (coded ? column.bits8 : column.bits32).megabytes;
    cell.mebibytes = cell.printed / factor;
    cell.as_printed = !objection.empty() ? "impossible"
                      : fits || !coded   ? "possible"
                                         : "impossible by state alone";
    cell.why = objection;
    if (coded) cell.why.append(objection.empty() ? "" : " ").append(saving).append(verdict).append(".");
    if (cell.why.empty()) cell.why = "MB are MiB.";
    out.push_back(std::move(cell));
  }
}

}  // namespace

std::vector<MemoryCell> memory_audit() {
  std::vector<MemoryCell> cells;
  for (const PrintedColumn& column : kPrintedSms) {
    const PrintedColumn& longer = kPrintedSms[1];
    std::string objection = "Ten times too large.";
    if (&column != &longer)
      objection += fmt::format(
          " The longest batch comes back every epoch, so 50 and 100 epochs have one peak, not {} and {}.",
          column.bits32.megabytes, longer.bits32.megabytes);
    add_column(cells, column, sms_model(), 10, objection);
  }
  for (size_t i = 0; i < 3; ++i)
    add_column(cells, kPrintedImdb[i], imdb_model(static_cast<int64_t>(2 * i + 2)), 1, "");
  add_column(cells, kPrintedBert, bert_model(), 1, "");
  return cells;
}

}  // namespace octet::tools
