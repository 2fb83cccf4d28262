// Charts as inline SVG for html_page(), which has their colours: classes s1 to s6 with one of
//   bar (filled), mark (a filled dot), line, thin (stroked); dashed beside line or thin, faint beside any,
//   broad2 to broad4 beside line, for what others will lie on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::tools {

struct ChartAxis {
  double low = 0, high = 1;
  bool log = false;
  std::string label;
  bool percent = false;  // ticks as percentages
  bool numbers = true;   // ticks at all
  bool whole = false;    // ticks at whole numbers only
  double room = 8;       // of y without numbers: for row labels
};

using ChartPoint = std::pair<double, double>;

class SvgChart {
 public:
  // In units of the page's text size 16; the page scales it to its width. `description` is read to those who
  // do not see it.
  SvgChart(int width, int height, ChartAxis x, ChartAxis y, std::string_view description);

  // What lies outside of the axes is moved to their ends.
  void line(const std::vector<ChartPoint>& points, std::string_view classes);
  void steps(const std::vector<ChartPoint>& points, std::string_view classes);  // level until the next point
  // Between two lines of as many points, level until the next one, with the same x.
  void area(const std::vector<ChartPoint>& low, const std::vector<ChartPoint>& high,
            std::string_view classes);
  void bar(double x0, double x1, double y, std::string_view classes);      // from the low end of y
  void upright(double x, double y0, double y1, std::string_view classes);  // a stroke
  void dot(double x, double y, std::string_view classes);
  void level(double y, std::string_view classes);  // across the chart
  // At a place in the chart, moved by (dx, dy) in the page's units, y down. Escapes.
  void text(double x, double y, std::string_view words, double dx = 0, double dy = 0,
            std::string_view anchor = "start");
  // Beside the chart, at the height of y, ending at the axis.
  void row_label(double y, std::string_view words);

  std::string markup() const;

 private:
  double px(double x) const;
  double py(double y) const;
  void ticks(const ChartAxis& axis, bool is_x);

  double width_, height_, left_, right_, top_, bottom_;
  ChartAxis x_, y_;
  std::string description_, frame_;
  // Drawn under one class, in one path, in the order of the first of each.
  std::vector<std::pair<std::string, std::string>> paths_;
  std::string marks_, words_;

  std::string& path(std::string_view classes);
};

// Bars without axes, for a cell of a table: heights are roots of the counts.
std::string svg_bars(const std::vector<int64_t>& counts, std::string_view description);

}  // namespace octet::tools
