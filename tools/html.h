// Pages of one file: no script, nothing fetched; light, dark and on paper.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::tools {

// Text for between tags and within quoted attributes. What is no valid character of a page becomes U+FFFD.
std::string escape_html(std::string_view text);

// A whole page. `title` is text, `body` markup. Colours for charts are the classes s1 to s6 (see
// svg_chart.h).
std::string html_page(std::string_view title, std::string_view body);

std::string html_paragraph(std::string_view text);  // escapes
std::string html_heading(std::string_view text);    // escapes
// `markup` (a chart) with text below it.
std::string html_figure(std::string_view markup, std::string_view caption);

// What the colours s1, s2, ... stand for, above a chart.
struct LegendEntry {
  std::string classes;  // "s1", "s2 dashed"
  std::string words;    // text
};
std::string html_legend(const std::vector<LegendEntry>& entries);
// Figures side by side where there is room, one above the other on a phone.
std::string html_grid(std::string_view markup);
// A few figures that matter most, in large type: name and value, both text.
std::string html_cards(const std::vector<std::pair<std::string, std::string>>& cards);
// Closed until it is asked for. `summary` is text.
std::string html_details(std::string_view summary, std::string_view markup);

// Cells are markup, so escape what is text. The first `left` columns start at the left, the others end at the
// right.
class HtmlTable {
 public:
  HtmlTable(const std::vector<std::string>& header, size_t left);
  void row(const std::vector<std::string>& cells);
  std::string markup() const;

 private:
  std::string line(const std::vector<std::string>& cells, const char* tag) const;
  size_t left_;
  std::string head_, body_;
};

}  // namespace octet::tools
