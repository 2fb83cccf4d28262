#include <fmt/format.h>

#include <algorithm>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/report_sections.h"

namespace octet::tools {
namespace {

std::string confusion_table(const Answers& answers) {
  std::string head = "<th class=\"left\">label \\ answer</th>", body;
  for (const std::string& label : answers.labels) head += "<th>" + escape_html(label) + "</th>";
  for (size_t l = 0; l < answers.labels.size(); ++l) {
    const auto rows = static_cast<double>(std::max<int64_t>(1, answers.metrics.per_class[l].support));
    body += "<tr><th class=\"left\">" + escape_html(answers.labels[l]) + "</th>";
    for (size_t a = 0; a < answers.labels.size(); ++a) {
      const int64_t count = answers.metrics.count(static_cast<int64_t>(l), static_cast<int64_t>(a));
      // The darker, the larger the share of the label's rows; light enough for the figure on it.
      body += fmt::format(
          "<td class=\"cell\" style=\"background:color-mix(in srgb,var(--{}) {:.0f}%,var(--paper))\">{}</td>",
          l == a ? "s1" : "s2", count > 0 ? 6 + 34 * static_cast<double>(count) / rows : 0,
          format_count(count));
    }
    body += "</tr>\n";
  }
  return "<div class=\"wide\"><table><thead><tr>" + head + "</tr></thead><tbody>" + body +
         "</tbody></table></div>\n";
}

std::string classes_table(const Answers& answers) {
  HtmlTable table({"class", "rows", "precision", "recall", "F1"}, 1);
  for (size_t l = 0; l < answers.labels.size(); ++l) {
    const ClassMetrics& of = answers.metrics.per_class[l];
    table.row({escape_html(answers.labels[l]), format_count(of.support), fmt::format("{:.3f}", of.precision),
               fmt::format("{:.3f}", of.recall), fmt::format("{:.3f}", of.f1)});
  }
  table.row({"mean of classes", "", "", "", fmt::format("{:.3f}", answers.metrics.macro_f1)});
  table.row({"weighted by rows", "", "", "", fmt::format("{:.3f}", answers.metrics.weighted_f1)});
  return table.markup();
}

std::string samples_table(const Answers& answers, const std::vector<AnswerSample>& samples) {
  HtmlTable table({"text", "label", "answer", "probability"}, 3);
  for (const AnswerSample& sample : samples)
    table.row({"<div class=\"wrap\">" + escape_html(sample.text) + "</div>",
               escape_html(answers.labels[static_cast<size_t>(sample.label)]),
               escape_html(answers.labels[static_cast<size_t>(sample.answer)]),
               number_text(sample.probability, 3)});
  return table.markup();
}

}  // namespace

std::string answers_section(const Answers& answers) {
  const int64_t rows = answers.metrics.rows();
  if (rows == 0) return "";
  std::string body = html_heading("Answers");
  body += html_paragraph(fmt::format("After the last epoch, on {} validation rows: {:.2f} % right.",
                                     format_count(rows), 100 * answers.metrics.accuracy));
  body +=
      html_grid("<div>" + confusion_table(answers) + "</div>\n<div>" + classes_table(answers) + "</div>\n");
  if (!answers.wrong.empty())
    body += html_paragraph("Most wrong: those whose wrong answer was the most certain.") +
            samples_table(answers, answers.wrong);
  if (!answers.right.empty())
    body += html_paragraph("Some of the right ones.") + samples_table(answers, answers.right);
  return body;
}

}  // namespace octet::tools
