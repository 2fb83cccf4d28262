#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/report_sections.h"

namespace octet::tools {
namespace {

// Names that a chart has room for: the run's, with what differs where that is short. All of what differs if
// two runs have one name.
std::vector<std::string> legend_of(const std::vector<RunReport>& runs,
                                   const std::vector<std::string>& labels) {
  constexpr size_t kShort = 30;
  std::set<std::string> names;
  bool all_short = true;
  for (size_t i = 0; i < runs.size(); ++i) {
    names.insert(runs[i].name);
    all_short = all_short && labels[i].size() <= kShort;
  }
  if (names.size() < runs.size()) return labels;
  std::vector<std::string> out;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string& name = runs[i].name;
    const std::string differs = labels[i].substr(0, labels[i].rfind(fmt::format(" ({})", name)));  // once
    out.push_back(name);
    if (all_short && differs != name) out.back().append(": ").append(differs);
  }
  return out;
}

std::string curves_section(const std::vector<RunReport>& runs, const std::vector<std::string>& labels) {
  const std::vector<std::string> legend = legend_of(runs, labels);
  const auto curves = [&](double EpochEvent::*member) {
    std::vector<Curve> out;
    for (size_t i = 0; i < runs.size(); ++i)
      // The later ones are thinner, so that of equal curves all are seen.
      out.push_back({legend[i],
                     series_class(i) + " broad" + std::to_string(std::min<size_t>(4, runs.size() - i)),
                     course_of(runs[i], member)});
    return out;
  };
  return html_heading("Learning") +
         html_paragraph("Lines are thinner from run to run: where two are equal, both are seen.") +
         html_grid(
             curves_figure({.label = "validation loss", .caption = "Validation loss after each epoch."},
                           curves(&EpochEvent::val_loss)) +
             curves_figure({.label = "training loss", .caption = "Mean loss of an epoch's training steps."},
                           curves(&EpochEvent::train_loss)) +
             curves_figure({.label = "validation accuracy",
                            .caption = "Share of right answers after each epoch.",
                            .percent = true},
                           curves(&EpochEvent::val_accuracy)) +
             curves_figure({.label = "seconds", .caption = "Training and validation of each epoch."},
                           curves(&EpochEvent::seconds)));
}

std::string key(size_t i) { return "<span class=\"" + series_class(i) + " key\"></span>"; }

std::string results_section(const std::vector<RunReport>& runs, const std::vector<std::string>& labels) {
  HtmlTable table({"run", "what differs", "status", "epochs", "val loss", best_loss_words(runs), "at epoch",
                   "val accuracy", "seconds"},
                  3);
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunReport& run = runs[i];
    const EpochEvent *last = run.last(), *best = run.best();
    table.row({key(i) + escape_html(run.name), "<div class=\"wrap\">" + escape_html(labels[i]) + "</div>",
               escape_html(run.status()), std::to_string(run.epochs.size()),
               last ? number_text(last->val_loss, 4) : "-", best ? number_text(best->val_loss, 4) : "-",
               best ? std::to_string(best->epoch) : "-",
               last ? number_text(100 * last->val_accuracy, 2) + " %" : "-", number_text(run.seconds(), 2)});
  }
  return html_heading("Results") + table.markup();
}

std::string memory_table(const std::vector<RunReport>& runs) {
  std::vector<std::string> header = {"run", "peak, all"};
  for (size_t tag = 0; tag < kMemoryTags; ++tag) header.push_back(tag_words(tag));
  HtmlTable table(header, 1);
  for (size_t i = 0; i < runs.size(); ++i) {
    std::vector<std::string> row = {key(i) + escape_html(runs[i].name), format_bytes(runs[i].peak_bytes())};
    const BytesByTag at_peak = runs[i].peak_by_tag();
    for (const int64_t bytes : at_peak) row.push_back(format_bytes(bytes));
    table.row(row);
  }
  return html_heading("Memory") + table.markup() +
         html_paragraph("What each tag held at the moment of the overall peak.");
}

std::string differences_section(const std::vector<RunReport>& runs) {
  const std::vector<Difference> different = differences(runs);
  if (different.empty())
    return html_heading("Settings") + html_paragraph("No setting that changes numbers or storage differs.");
  std::vector<std::string> header = {"setting"};
  for (size_t i = 0; i < runs.size(); ++i) header.push_back(key(i) + escape_html(runs[i].name));
  HtmlTable table(header, 1);
  for (const Difference& difference : different) {
    std::vector<std::string> row = {escape_html(difference.name)};
    for (const std::string& value : difference.values)
      row.push_back(escape_html(value.empty() ? "-" : value));
    table.row(row);
  }
  return html_heading("Settings that differ") + table.markup();
}

}  // namespace

std::string comparison_html(const std::vector<RunReport>& runs) {
  const std::vector<std::string> labels = run_labels(runs);
  const bool generated =
      std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.generated(); });
  std::string body =
      html_paragraph(fmt::format("{}{} runs side by side", generated ? "generated: " : "", runs.size()));
  for (const RunReport& run : runs)
    for (const std::string& problem : run.problems) body += problems_section({run.name + ": " + problem});
  body += results_section(runs, labels) + curves_section(runs, labels) + memory_table(runs) +
          differences_section(runs);
  return html_page("Comparison of runs", body);
}

}  // namespace octet::tools
