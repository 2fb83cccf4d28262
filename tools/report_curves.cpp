#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/html.h"
#include "tools/report_sections.h"
#include "tools/svg_chart.h"

namespace octet::tools {
namespace {

constexpr size_t kDotted = 40;  // with more epochs than these a line alone is clearer

// The ends of an axis for values from `low` to `high`: from 0 where that loses little of the height.
std::pair<double, double> ends(double low, double high, bool percent) {
  if (!percent && low >= 0 && low < 0.6 * high) low = 0;
  const double room = std::max({(high - low) * 0.06, percent ? 0.01 : std::abs(high) * 1e-3, 1e-6});
  return {low == 0 ? 0 : low - room, percent ? std::min(1.0, high + room) : high + room};
}

}  // namespace

std::vector<std::pair<double, double>> course_of(const RunReport& run, double EpochEvent::*member) {
  std::vector<std::pair<double, double>> points;
  for (const EpochEvent& epoch : run.epochs)
    points.emplace_back(static_cast<double>(epoch.epoch), epoch.*member);
  return points;
}

std::string series_class(size_t i) {
  return fmt::format("s{}{}", i % 6 + 1, i / 6 % 2 == 1 ? " dashed" : "");
}

std::string curves_figure(const CurveChart& what, const std::vector<Curve>& curves) {
  double low = INFINITY, high = -INFINITY, last = 1;
  std::vector<LegendEntry> legend;
  for (const Curve& curve : curves) {
    legend.push_back({curve.classes, curve.words});
    for (const auto& [epoch, value] : curve.points) {
      last = std::max(last, epoch);
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
    }
  }
  if (!(low <= high)) return "";
  const auto [bottom, top] = ends(low, high, what.percent);
  const double right = std::max(2.0, last);
  SvgChart chart(480, 260, {.low = 1, .high = right, .label = "epoch", .whole = true},
                 {.low = bottom, .high = top, .label = what.label, .percent = what.percent},
                 what.label + " by epoch");
  for (const Curve& curve : curves) {
    std::vector<ChartPoint> stretch;
    const auto draw = [&] {
      chart.line(stretch, "line " + curve.classes);
      stretch.clear();
    };
    for (const auto& [epoch, value] : curve.points) {
      if (!std::isfinite(value)) {
        draw();
        continue;
      }
      stretch.emplace_back(epoch, value);
      if (curve.points.size() <= kDotted) chart.dot(epoch, value, "mark " + curve.classes);
    }
    draw();
  }
  return html_figure(html_legend(legend) + chart.markup(), what.caption);
}

}  // namespace octet::tools
