#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/html.h"
#include "tools/reproduce_view.h"
#include "tools/svg_chart.h"

namespace octet::tools {
namespace {

std::string colour(size_t state) { return "s" + std::to_string(state + 1); }

std::string markup_of(const TextGrid& grid) {
  HtmlTable table(grid.header, grid.left);
  for (const auto& row : grid.rows) {
    std::vector<std::string> cells;
    for (const std::string& cell : row) cells.push_back(escape_html(cell));
    table.row(cells);
  }
  return table.markup();
}

// The ends of an axis that shows all of these values.
std::pair<double, double> ends_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double room = std::max(0.05 * (*high - *low), 1e-3);
  return {std::max(0.0, *low - room), *high + room};
}

// A row a cell: every run as a dot, the interval of the mean as a line, the printed value as an upright.
std::string interval_chart(const ReproducedTable& table) {
  std::vector<double> shown;
  double rows = 0;
  for (const TableColumn& column : table.columns)
    for (const TableCell& cell : column.cells) {
      shown.push_back(cell.printed->loss);
      shown.insert(shown.end(), cell.losses.begin(), cell.losses.end());
      ++rows;
    }
  const auto [low, high] = ends_of(shown);
  SvgChart chart(960, static_cast<int>(70 + 26 * rows),
                 {.low = low, .high = high, .label = "validation loss"},
                 {.low = 0, .high = rows, .numbers = false, .room = 330},
                 table.grid.title + ": losses of all runs, means with intervals, and what was printed");
  double y = rows - 0.5;
  for (const TableColumn& column : table.columns)
    for (const TableCell& cell : column.cells) {
      chart.row_label(y, column.column.name + ", " + std::string(kGridStates[cell.state].words));
      for (const double loss : cell.losses) chart.dot(loss, y - 0.2, "mark faint " + colour(cell.state));
      if (!cell.losses.empty()) {
        chart.line({{cell.interval.low, y + 0.1}, {cell.interval.high, y + 0.1}},
                   "line broad3 " + colour(cell.state));
        chart.upright(cell.loss(), y - 0.1, y + 0.3, "line " + colour(cell.state));
      }
      chart.upright(cell.printed->loss, y - 0.42, y + 0.42, "line s6");
      --y;
    }
  std::vector<LegendEntry> legend;
  for (const TableCell& cell : table.columns[0].cells)
    legend.push_back({colour(cell.state), std::string(kGridStates[cell.state].words)});
  legend.push_back({"s6", "as printed"});
  return html_figure(
      html_legend(legend) + "<div class=\"scroll\">" + chart.markup() + "</div>",
      "Faint dots: single runs. Bar: 95 % bootstrap interval of their mean, with the mean as an "
      "upright. Tall upright: the value that the report printed.");
}

std::string section_of(const ReproducedTable& table) {
  std::string out = html_heading(table.grid.title);
  for (const std::string& note : table.notes) out += html_paragraph(note);
  out += html_paragraph(table.verdict) + html_paragraph(table.map_verdict) + interval_chart(table) +
         markup_of(loss_grid(table)) +
         html_paragraph(
             "\"- fp32\": mean difference to the fp32 run of the same seed. TOST: two one-sided paired t "
             "tests with a margin of 2 % of fp32's loss; below 0.05 the losses are equal within it. "
             "\"resolves\": the smallest margin that so many pairs could show, as a share of fp32's loss.") +
         markup_of(time_and_memory_grid(table));
  std::string verdicts;
  for (const std::string& line : verdict_lines(table)) verdicts += "<li>" + escape_html(line) + "</li>\n";
  return out + "<ul>\n" + verdicts + "</ul>\n";
}

std::string memory_section(const std::vector<MemoryCell>& cells) {
  const TextGrid grid = memory_audit_grid(cells);
  HtmlTable table(grid.header, grid.left);
  for (const auto& row : grid.rows) {
    std::vector<std::string> shown;
    for (const std::string& cell : row) shown.push_back(escape_html(cell));
    shown.back() = "<div class=\"wrap left\">" + shown.back() + "</div>";
    table.row(shown);
  }
  return html_heading("Memory as the report printed it") + table.markup();
}

std::string audit_section(const std::vector<AuditPoint>& points) {
  std::string out = html_heading("What else does not add up");
  for (const AuditPoint& point : points) {
    out += html_paragraph(fmt::format("{}. {} {}", point.number, point.claim,
                                      point.holds() ? "It holds:" : "It DOES NOT HOLD:"));
    std::string steps;
    for (const AuditStep& step : point.steps)
      steps += "<li>" + escape_html(step.arithmetic + (step.holds ? "" : " (does not hold)")) + "</li>\n";
    if (!point.beyond.empty()) steps += "<li>" + escape_html(point.beyond) + "</li>\n";
    out += "<ul>\n" + steps + "</ul>\n";
  }
  return out;
}

}  // namespace

std::string to_html(const Reproduction& reproduction) {
  std::string body = html_paragraph("Made by: " + reproduction.command);
  for (const ReproducedTable& table : reproduction.tables) body += section_of(table);
  return html_page("8-bit optimizers: the report's tables, run again",
                   body + memory_section(reproduction.memory) + audit_section(reproduction.audit));
}

}  // namespace octet::tools
