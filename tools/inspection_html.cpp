#include <fmt/format.h>

#include <algorithm>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/inspection_lecture.h"
#include "tools/inspection_view.h"
#include "tools/svg_chart.h"

namespace octet::tools {
namespace {

constexpr size_t kShownBlocks = 20;

std::string share_text(int64_t part, int64_t whole) {
  return percent(static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole)));
}

std::string trials_section(const Inspection& inspection) {
  if (inspection.trials.empty() || inspection.trials.front().bytes_per_value == 0) return "";
  const std::span<const optim::Slot> slots = inspection.state.rule().slots;
  std::vector<std::string> header = {"storage", "bytes a value"};
  for (const optim::Slot& slot : slots) header.push_back(std::string(slot.name) + ": error");
  for (const optim::Slot& slot : slots) header.push_back(std::string(slot.name) + ": lost to 0");
  header.insert(header.end(), {"step size, median", "99 %", "Adam error"});
  HtmlTable table(header, 1);
  for (const Trial& trial : inspection.trials) {
    std::vector<std::string> row = {escape_html(trial.name), fmt::format("{:.3f}", trial.bytes_per_value)};
    for (const double error : trial.relative) row.push_back(escape_html(percent(error)));
    for (const double share : trial.vanished) row.push_back(escape_html(percent(share)));
    row.insert(row.end(),
               {times(sorted_quantile(trial.ratios, 0.5)), times(sorted_quantile(trial.ratios, 0.99)),
                escape_html(percent(trial.adam_error))});
    table.row(row);
  }
  return html_heading("Side by side") + table.markup() +
         html_paragraph(
             "Error: sum of |x - q| over sum of |x|, x exact and q as stored, over all tensors together. "
             "Adam error: mean of |u - u'| / |u|, u the update by exact state and u' by stored state.");
}

std::string slots_section(const Inspection& inspection) {
  const bool bounded = inspection.basis == Basis::Spacing;
  HtmlTable table(
      {"parameter", "slot", "codec", "elements", "bytes", "error", bounded ? "at most" : "lost to 0",
       "code 0", "codes in use", "lowest code to highest", "step size, median", "99 %"},
      3);
  for (size_t i = 0; i < inspection.slots.size(); ++i) {
    const SlotState& slot = inspection.state.slots[i];
    const SlotFigures& figures = inspection.slots[i];
    if (!figures.codes && figures.error.mean_abs == 0) continue;  // stored as it is
    const int64_t n = slot.elements();
    table.row(
        {escape_html(slot.parameter), escape_html(slot.slot), escape_html(figures.storage), format_count(n),
         format_bytes(figures.bytes), escape_html(percent(figures.error.relative)),
         escape_html(bounded ? percent(figures.bound) : share_text(figures.vanished, n)),
         figures.codes ? escape_html(share_text(figures.codes->zeros, n)) : "-",
         figures.codes ? fmt::format("{} of {}", figures.codes->used, figures.codes->count.size()) : "-",
         figures.codes ? svg_bars(figures.codes->count, "Histogram of codes in use") : "",
         times(figures.ratio_median), times(figures.ratio_p99)});
  }
  return html_heading("Every tensor that is not stored as it is") + table.markup();
}

std::string codes_section(const Inspection& inspection) {
  // The codes of all tensors together, for each slot of the rule.
  const std::span<const optim::Slot> rule_slots = inspection.state.rule().slots;
  std::string charts;
  for (size_t place = 0; place < rule_slots.size(); ++place) {
    std::vector<int64_t> sum;
    std::string storage;
    for (size_t i = 0; i < inspection.slots.size(); ++i) {
      const SlotFigures& figures = inspection.slots[i];
      if (!figures.codes || inspection.state.slots[i].place != static_cast<int>(place)) continue;
      if (storage.empty()) storage = figures.storage;
      if (storage != figures.storage) continue;
      sum.resize(figures.codes->count.size());
      for (size_t code = 0; code < sum.size(); ++code) sum[code] += figures.codes->count[code];
    }
    double total = 0, most = 0;
    for (const int64_t count : sum)
      total += static_cast<double>(count), most = std::max(most, static_cast<double>(count));
    if (total == 0) continue;
    SvgChart chart(960, 170, {.low = 0, .high = static_cast<double>(sum.size()), .label = "code"},
                   {.low = 0,
                    .high = most / total * 1.05,
                    .label = std::string(rule_slots[place].name) + ", " + storage,
                    .percent = true},
                   "Histogram of the codes in use");
    for (size_t code = 0; code < sum.size(); ++code)
      if (sum[code] > 0)
        chart.bar(static_cast<double>(code), static_cast<double>(code) + 0.9,
                  static_cast<double>(sum[code]) / total, "bar s1");
    charts += chart.markup();
  }
  if (charts.empty()) return "";
  return html_heading("Codes in use") +
         html_figure(charts,
                     "Share of the elements that have each code, over all tensors. Rows that were never "
                     "touched have the code of 0.");
}

std::string worst_section(const Inspection& inspection) {
  const std::vector<WorstBlock> rows = worst_blocks(inspection, kShownBlocks);
  if (rows.empty()) return "";
  HtmlTable table({"parameter", "slot", "block", "elements", "largest value", "error"}, 2);
  for (const WorstBlock& row : rows) {
    const SlotState& slot = inspection.state.slots[row.slot];
    table.row({escape_html(slot.parameter), escape_html(slot.slot), format_count(row.error.block),
               format_count(row.first) + " to " + format_count(row.last),
               fmt::format("{:.2e}", row.error.absmax), escape_html(percent(row.error.relative))});
  }
  return html_heading("Worst blocks") + table.markup();
}

}  // namespace

std::string to_html(const Inspection& inspection) {
  const std::string generated = inspection.state.generated ? "Trained on generated data. " : "";
  std::string body = html_paragraph(inspection.state.path) +
                     html_paragraph(generated + headline(inspection) + ".") +
                     html_paragraph(basis_sentence(inspection));
  body += code_books_section() + scales_section(inspection) + step_sizes_section(inspection) +
          courses_section(inspection) + trials_section(inspection) + codes_section(inspection) +
          slots_section(inspection) + worst_section(inspection);
  return html_page("Optimizer state in fewer bits", body);
}

}  // namespace octet::tools
