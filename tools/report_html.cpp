#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/report_sections.h"
#include "tools/rule_settings.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string plain(const Json& value) {
  return value.is_string()           ? value.get<std::string>()
         : value.is_number_integer() ? format_count(value.get<int64_t>())
                                     : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string cards(const RunReport& run) {
  std::vector<std::pair<std::string, std::string>> cards = {{"status", run.status()}};
  if (const EpochEvent* last = run.last()) {
    cards.emplace_back(fmt::format("val loss, epoch {}", last->epoch), number_text(last->val_loss, 4));
    cards.emplace_back(fmt::format("{}, epoch {}", best_loss_words({&run, 1}), run.best()->epoch),
                       number_text(run.best()->val_loss, 4));
    cards.emplace_back("val accuracy", number_text(100 * last->val_accuracy, 2) + " %");
    if (run.test) {
      cards.emplace_back("test accuracy", number_text(100 * run.test->accuracy, 2) + " %");
      cards.emplace_back("test macro F1", number_text(run.test->macro_f1, 4));
    }
    cards.emplace_back("time", format_duration(run.seconds()));
  }
  if (run.peak_bytes() > 0) cards.emplace_back("peak memory", format_bytes(run.peak_bytes()));
  return html_cards(cards);
}

std::string learning_section(const RunReport& run) {
  if (run.epochs.empty())
    return html_heading("Learning") + html_paragraph("No epoch was finished: there are no curves.");
  const std::string loss = curves_figure(
      {.label = "loss", .caption = "Mean loss of an epoch's training steps, and of validation after it."},
      {{"training", "s1", course_of(run, &EpochEvent::train_loss)},
       {"validation", "s2", course_of(run, &EpochEvent::val_loss)}});
  const std::string accuracy = curves_figure(
      {.label = "accuracy", .caption = "Share of right answers in validation.", .percent = true},
      {{"validation", "s2", course_of(run, &EpochEvent::val_accuracy)}});
  return html_heading("Learning") + html_grid(loss + accuracy);
}

std::string time_section(const RunReport& run) {
  if (run.epochs.empty()) return "";
  double train = 0, all = 0;
  for (const EpochEvent& epoch : run.epochs) train += epoch.train_seconds, all += epoch.seconds;
  std::vector<std::pair<std::string, double>> parts = {{"training", train}, {"validation", all - train}};
  if (std::isfinite(run.other_seconds))
    parts.emplace_back("other: reading data, saving, writing logs (last session)", run.other_seconds);
  double sum = 0;
  for (const auto& [name, seconds] : parts) sum += std::max(0.0, seconds);
  if (!(sum > 0)) return "";
  std::string bar =
      "<svg class=\"split\" viewBox=\"0 0 1000 24\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"Split of the time\">";
  std::vector<LegendEntry> legend;
  double at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const double width = 1000 * std::max(0.0, parts[i].second) / sum;
    bar += fmt::format("<path class=\"bar {}\" d=\"M{:.1f} 0H{:.1f}V24H{:.1f}Z\"/>", series_class(i), at,
                       at + width, at);
    at += width;
    legend.push_back(
        {series_class(i), fmt::format("{}: {}, {:.1f} %", parts[i].first, format_duration(parts[i].second),
                                      100 * parts[i].second / sum)});
  }
  std::string caption = fmt::format("Of the finished epochs; {} an epoch in the mean.",
                                    format_duration(all / static_cast<double>(run.epochs.size())));
  const auto rows = run.facts.find("train_rows");
  if (rows != run.facts.end() && rows->is_number() && train > 0)
    caption += fmt::format(" Training took {:.0f} rows a second.",
                           rows->get<double>() * static_cast<double>(run.epochs.size()) / train);
  return html_heading("Time") + html_figure(html_legend(legend) + bar + "</svg>", caption);
}

std::string epochs_section(const RunReport& run) {
  if (run.epochs.empty()) return "";
  HtmlTable table({"epoch", "train loss", "val loss", "val accuracy", "seconds", "of which training", "peak"},
                  0);
  for (const EpochEvent& epoch : run.epochs)
    table.row({std::to_string(epoch.epoch), number_text(epoch.train_loss, 5), number_text(epoch.val_loss, 5),
               number_text(100 * epoch.val_accuracy, 2) + " %", number_text(epoch.seconds, 2),
               number_text(epoch.train_seconds, 2), format_bytes(epoch.peak_bytes)});
  return html_details(fmt::format("Every epoch as a table ({})", run.epochs.size()), table.markup());
}

std::string test_section(const RunReport& run) {
  if (!run.test) return "";
  const TestEvent& test = *run.test;
  HtmlTable table({"rows", "loss", "accuracy", "macro F1", "weighted F1"}, 0);
  table.row({format_count(test.rows), number_text(test.loss, 4), number_text(100 * test.accuracy, 2) + " %",
             number_text(test.macro_f1, 4), number_text(test.weighted_f1, 4)});
  return html_heading("Test") +
         html_paragraph("Rows that were put aside, answered once, at the end, by the " + test.weights +
                        " weights.") +
         table.markup();
}

std::string facts_section(const RunReport& run) {
  std::string out = "<dl class=\"settings\">\n";
  for (const auto& [key, value] : run.facts.items())
    out += "<div><dt>" + escape_html(key) + "</dt><dd>" + escape_html(plain(value)) + "</dd></div>\n";
  return html_heading("Data and machine") + out + "</dl>\n";
}

}  // namespace

std::string number_text(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "not finite";
}

std::string settings_section(const TrainConfig& config) {
  std::string out;
  int changed = 0;
  for (const Setting& setting : settings_of(config)) {
    const std::string value = setting.value.empty() ? "-" : setting.value;
    out += setting.changed() ? "<div class=\"changed\">" : "<div>";
    out += "<dt>" + escape_html(setting.name) + "</dt><dd>" + escape_html(value);
    if (setting.changed())
      out += " <small>usually " + escape_html(setting.fallback.empty() ? "-" : setting.fallback) + "</small>";
    out += "</dd></div>\n";
    changed += setting.changed();
  }
  return html_heading("Configuration") +
         html_paragraph(
             fmt::format("All settings; the {} in bold differ from the defaults of this rule.", changed)) +
         "<dl class=\"settings\">\n" + out + "</dl>\n";
}

std::string problems_section(const std::vector<std::string>& problems) {
  std::string out;
  for (const std::string& problem : problems) out += html_paragraph("Note: " + problem + ".");
  return out;
}

std::string report_html(const RunReport& run, const std::string& folder) {
  const std::string generated = run.generated() ? "generated: " : "";
  std::string body = html_paragraph(generated + "run " + run.name + ", seed " +
                                    std::to_string(run.config.seed) + ", on " + run.config.device) +
                     problems_section(run.problems) + cards(run) + learning_section(run) +
                     epochs_section(run) + time_section(run) + memory_section(run);
  body += test_section(run);
  if (run.answers) body += answers_section(*run.answers);
  body += state_section(run, folder) + settings_section(run.config) + facts_section(run);
  return html_page(run.config.task + ": " + optimizer_text(run.config), body);
}

}  // namespace octet::tools
