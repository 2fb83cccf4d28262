// Pages and charts, and the checker that other cases hold pages against.
#include "tools/html.h"

#include "tests/support/support.h"
#include "tests/tools/html_check.h"
#include "tools/svg_chart.h"

using namespace octet::testing;
using namespace octet::tools;

namespace {

std::string page_of(const std::string& body) { return html_page("title", body); }

}  // namespace

TEST_CASE("text is escaped, and what is no character of a page is replaced") {
  CHECK(escape_html("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  CHECK(escape_html("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82") == "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82");
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK(escape_html(std::string("a\0b\x01", 4)) == "a" + replaced + "b" + replaced);
  CHECK(escape_html("\xC3") == replaced);
  CHECK(escape_html("\xC3<") == replaced + "&lt;");
  CHECK(escape_html("\xC0\xBC") == replaced + replaced);                 // an overlong <
  CHECK(escape_html("\xED\xA0\x80") == replaced + replaced + replaced);  // half a surrogate pair
  CHECK(escape_html("") == "");
}

TEST_CASE("a page with paragraphs, tables and charts is well-formed and fetches nothing") {
  HtmlTable table({"name", "n"}, 1);
  table.row({escape_html("<b>&"), "1"});
  SvgChart chart(400, 200, {.low = 1e-7, .high = 1, .log = true, .label = "x & y"},
                 {.low = 0, .high = 1, .label = "<share>", .percent = true}, "a \"chart\"");
  chart.line({{1e-6, 0.1}, {1e-2, 0.5}, {2, 3}}, "line s1");
  chart.steps({{1e-6, 0.1}, {1e-2, 0.5}}, "line s2");
  chart.bar(1e-3, 1e-2, 0.5, "bar s3");
  chart.upright(0.5, 0, 1, "thin s1");
  chart.dot(0, 0.5, "mark s1");
  chart.level(0.3, "line dashed s6");
  chart.text(1e-3, 0.5, "</svg><script>");
  chart.row_label(0.5, "'row'");
  const std::string page = html_page("<title>", html_heading("a & b") + html_paragraph("1 < 2") +
                                                    table.markup() + html_figure(chart.markup(), "caption") +
                                                    svg_bars({0, 3, 7}, "bars") + svg_bars({}, ""));
  CHECK(html_fault(page) == "");
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
  CHECK(page.find("@media print") != std::string::npos);
}

TEST_CASE("a chart puts values where its axes say, and what is outside at their ends") {
  // Labels leave 66 to 376 for x and 24 to 158 for y.
  SvgChart chart(400, 200, {.low = 1, .high = 100, .log = true, .label = "x"},
                 {.low = 0, .high = 2, .label = "y"}, "");
  chart.line({{1, 0}, {10, 1}, {100, 2}, {1000, 3}}, "line s1");
  CHECK(chart.markup().find("M66.0 158.0L221.0 91.0L376.0 24.0L376.0 24.0") != std::string::npos);
}

TEST_CASE("the checker finds each kind of fault") {
  CHECK(html_fault(page_of("<p>a</p>")) == "");
  CHECK(html_fault("<html></html>") == "no doctype");
  CHECK(html_fault(page_of("<p>a")).find("closes nothing") != std::string::npos);
  CHECK(html_fault(page_of("<p><b>a</p></b>")).find("closes nothing") != std::string::npos);
  CHECK(html_fault(page_of("a & b")).find("ampersand") != std::string::npos);
  CHECK(html_fault(page_of("<p class=x>a</p>")).find("without quotes") != std::string::npos);
  CHECK(html_fault(page_of("<p class=\"x\" class=\"y\">a</p>")).find("twice") != std::string::npos);
  CHECK(html_fault(page_of("<p onclick=\"x\">a</p>")).find("acts") != std::string::npos);
  CHECK(html_fault(page_of("<script>1</script>")).find("no place") != std::string::npos);
  CHECK(html_fault(page_of("<p>http://a.b</p>")).find("fetches") != std::string::npos);
}
