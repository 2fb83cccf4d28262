#include <fmt/format.h>

#include <cmath>

#include "tools/format.h"
#include "tools/reproduce_sizes.h"
#include "tools/reproduce_view.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

std::string number(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string text_of(const TextGrid& grid) {
  Table table(grid.header, grid.left);
  for (const auto& row : grid.rows) table.row(row);
  return table.text();
}

std::string markdown_of(const TextGrid& grid) {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& cell : cells) out += " " + cell + " |";
    return out + "\n";
  };
  std::string out = line(grid.header) + "|";
  for (size_t i = 0; i < grid.header.size(); ++i) out += i < grid.left ? "---|" : "---:|";
  out += "\n";
  for (const auto& row : grid.rows) out += line(row);
  return out;
}

std::string mark(bool holds) { return holds ? "holds" : "DOES NOT HOLD"; }

}  // namespace

TextGrid loss_grid(const ReproducedTable& table) {
  TextGrid grid{{"column", "state", "printed", "mean", "95 % interval", "runs", "accuracy %", "- fp32",
                 "95 % interval", "TOST p", "resolves"},
                2,
                {}};
  for (const TableColumn& column : table.columns)
    for (const TableCell& cell : column.cells) {
      const PairedTest& test = cell.to_fp32;
      const bool paired = cell.state != kFp32 && test.pairs > 0, tested = test.finding != Finding::NoTest;
      grid.rows.push_back(
          {column.column.name, std::string(kGridStates[cell.state].words), number(cell.printed->loss, 3),
           loss_text(cell.loss()), cell.losses.empty() ? "-" : interval_text(cell.interval),
           std::to_string(cell.losses.size()), number(100 * cell.accuracy, 2),
           paired ? difference_text(test) : "-", paired ? interval_text(test.interval, true) : "-",
           tested ? fmt::format("{:.3f}", test.p_equal) : "-",
           tested ? fmt::format("{:.1f} %", 100 * test.smallest_margin / test.margin * kMarginShare) : "-"});
    }
  return grid;
}

TextGrid time_and_memory_grid(const ReproducedTable& table) {
  TextGrid grid{{"column", "state", "printed s", "seconds", "printed \"MB\"", "peak MiB", "state MiB",
                 "state, of peak"},
                2,
                {}};
  for (const TableColumn& column : table.columns)
    for (const TableCell& cell : column.cells) {
      const bool any = !cell.losses.empty();
      const double peak = static_cast<double>(cell.peak_bytes) / kMiB,
                   state = static_cast<double>(cell.state_bytes) / kMiB;
      grid.rows.push_back({column.column.name, std::string(kGridStates[cell.state].words),
                           number(cell.printed->seconds, 3), number(cell.seconds, 3),
                           number(cell.printed->megabytes, 2), any ? number(peak, 2) : "-",
                           any ? number(state, 2) : "-", any ? number(100 * state / peak, 1) + " %" : "-"});
    }
  return grid;
}

TextGrid memory_audit_grid(const std::vector<MemoryCell>& cells) {
  TextGrid grid{
      {"table", "column", "state", "printed \"MB\"", "must have been, MiB", "as printed", "why"}, 3, {}};
  for (const MemoryCell& cell : cells)
    grid.rows.push_back({cell.table, cell.column, cell.state, number(cell.printed, 2),
                         number(cell.mebibytes, 2), cell.as_printed, cell.why});
  return grid;
}

std::vector<std::string> verdict_lines(const ReproducedTable& table) {
  std::vector<std::string> lines;
  for (const TableColumn& column : table.columns)
    for (const TableCell& cell : column.cells)
      if (cell.state != kFp32)
        lines.push_back(
            fmt::format("{}, {}: {}.", column.column.name, kGridStates[cell.state].words, cell.verdict));
  lines.push_back(table.verdict);
  lines.push_back(table.map_verdict);
  return lines;
}

std::string to_text(const Reproduction& reproduction) {
  std::string out;
  for (const ReproducedTable& table : reproduction.tables) {
    out += "\n" + table.grid.title + "\n";
    for (const std::string& note : table.notes) out += "  " + note + "\n";
    out += "\n" + text_of(loss_grid(table)) + "\n" + text_of(time_and_memory_grid(table)) + "\n";
    for (const std::string& line : verdict_lines(table)) out += line + "\n";
  }
  out += "\nMemory as the report printed it\n";
  for (const MemoryCell& cell : reproduction.memory)
    out += fmt::format("{}, {}, {}: \"{:.2f} MB\", {:.2f} MiB: {}. {}\n", cell.table, cell.column, cell.state,
                       cell.printed, cell.mebibytes, cell.as_printed, cell.why);
  out += "\nWhat else does not add up\n";
  for (const AuditPoint& point : reproduction.audit) {
    out += fmt::format("{}. {} {}\n", point.number, point.claim, mark(point.holds()));
    for (const AuditStep& step : point.steps)
      out += fmt::format("   {} {}\n", step.holds ? "+" : "-", step.arithmetic);
    if (!point.beyond.empty()) out += "   " + point.beyond + "\n";
  }
  return out;
}

std::string to_markdown(const Reproduction& reproduction) {
  std::string out = "Made by `" + reproduction.command + "`.\n";
  for (const ReproducedTable& table : reproduction.tables) {
    out += "\n### " + table.grid.title + "\n\n";
    for (const std::string& note : table.notes) out += note + "\n";
    out += "\n" + markdown_of(loss_grid(table)) + "\n" + markdown_of(time_and_memory_grid(table)) + "\n";
    for (const std::string& line : verdict_lines(table)) out += "- " + line + "\n";
  }
  out += "\n### Memory as the report printed it\n\n" + markdown_of(memory_audit_grid(reproduction.memory)) +
         "\n### What else does not add up\n\n";
  for (const AuditPoint& point : reproduction.audit) {
    out += fmt::format("{}. {} *{}*\n", point.number, point.claim, mark(point.holds()));
    for (const AuditStep& step : point.steps)
      out += fmt::format("   - {}{}\n", step.arithmetic, step.holds ? "" : " (does not hold)");
    if (!point.beyond.empty()) out += "   - " + point.beyond + "\n";
  }
  return out;
}

}  // namespace octet::tools
