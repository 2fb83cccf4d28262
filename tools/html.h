// Pages of one file: no script, nothing fetched; light, dark and on paper.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
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

// Cells are markup, so escape what is text. The first `left` columns start at the left, the others end at the
// right.
class HtmlTable {
 public:
  HtmlTable(std::vector<std::string> header, size_t left);
  void row(const std::vector<std::string>& cells);
  std::string markup() const;

 private:
  std::string line(const std::vector<std::string>& cells, const char* tag) const;
  size_t left_;
  std::string head_, body_;
};

}  // namespace octet::tools
