#include "tools/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/html.h"

namespace octet::tools {
namespace {

double share_of(const ChartAxis& axis, double value) {
  const double low = axis.log ? std::log10(axis.low) : axis.low,
               high = axis.log ? std::log10(axis.high) : axis.high;
  const double at = axis.log ? std::log10(std::max(value, 1e-300)) : value;
  return std::clamp((at - low) / (high - low), 0.0, 1.0);
}

// 1, 2 or 5 times a power of ten, so that about `wanted` of it fill the span.
double round_step(double span, int wanted) {
  const double rough = span / wanted, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

std::vector<double> tick_values(const ChartAxis& axis) {
  std::vector<double> out;
  if (axis.log) {
    const int first = static_cast<int>(std::ceil(std::log10(axis.low) - 1e-9)),
              last = static_cast<int>(std::floor(std::log10(axis.high) + 1e-9));
    const int every = std::max(1, (last - first + 7) / 8);
    for (int e = first; e <= last; e += every) out.push_back(std::pow(10.0, e));
  } else {
    const double rough = round_step(axis.high - axis.low, 6),
                 step = axis.whole ? std::max(1.0, rough) : rough;
    for (double x = std::ceil(axis.low / step) * step; x <= axis.high + 1e-9 * step; x += step)
      out.push_back(x + 0.0);  // not -0
  }
  return out;
}

std::string tick_text(const ChartAxis& axis, double value) {
  if (axis.percent) return fmt::format("{:g} %", 100 * value);
  if (value == 0 || (std::abs(value) > 2e-3 && std::abs(value) < 2e4)) return fmt::format("{:.6g}", value);
  return fmt::format("{:.0e}", value);
}

}  // namespace

SvgChart::SvgChart(int width, int height, ChartAxis x, ChartAxis y, std::string_view description)
    : width_(width),
      height_(height),
      left_(y.numbers ? 66 : y.room),
      right_(width - 24),
      top_(y.label.empty() ? 8 : 24),
      bottom_(height - (x.label.empty() ? (x.numbers ? 24 : 6) : 42)),
      x_(std::move(x)),
      y_(std::move(y)),
      description_(description) {
  ticks(x_, true);
  ticks(y_, false);
  frame_ += fmt::format("<path class=\"axis\" d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\"/>\n", left_, top_, bottom_,
                        right_);
  if (!x_.label.empty())
    frame_ += fmt::format("<text class=\"soft\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                          (left_ + right_) / 2, height_ - 6, escape_html(x_.label));
  if (!y_.label.empty())
    frame_ += fmt::format("<text class=\"soft\" x=\"4\" y=\"13\">{}</text>\n", escape_html(y_.label));
}

void SvgChart::ticks(const ChartAxis& axis, bool is_x) {
  if (!axis.numbers) return;
  for (const double value : tick_values(axis)) {
    if (is_x)
      frame_ += fmt::format(
          "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/><text x=\"{0:.1f}\" y=\"{3:.1f}\" "
          "text-anchor=\"middle\">{4}</text>\n",
          px(value), top_, bottom_, bottom_ + 16, tick_text(axis, value));
    else
      frame_ += fmt::format(
          "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}H{2:.1f}\"/><text x=\"{3:.1f}\" y=\"{4:.1f}\" "
          "text-anchor=\"end\">{5}</text>\n",
          left_, py(value), right_, left_ - 6, py(value) + 4, tick_text(axis, value));
  }
}

double SvgChart::px(double x) const { return left_ + share_of(x_, x) * (right_ - left_); }
double SvgChart::py(double y) const { return bottom_ - share_of(y_, y) * (bottom_ - top_); }

std::string& SvgChart::path(std::string_view classes) {
  for (auto& [name, data] : paths_)
    if (name == classes) return data;
  return paths_.emplace_back(classes, "").second;
}

void SvgChart::line(const std::vector<ChartPoint>& points, std::string_view classes) {
  std::string& data = path(classes);
  for (size_t i = 0; i < points.size(); ++i)
    data += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", px(points[i].first), py(points[i].second));
}

void SvgChart::steps(const std::vector<ChartPoint>& points, std::string_view classes) {
  std::string& data = path(classes);
  for (size_t i = 0; i < points.size(); ++i) {
    const double x = px(points[i].first), y = py(points[i].second);
    data += i == 0 ? fmt::format("M{:.1f} {:.1f}", x, y) : fmt::format("H{:.1f}V{:.1f}", x, y);
  }
}

void SvgChart::area(const std::vector<ChartPoint>& low, const std::vector<ChartPoint>& high,
                    std::string_view classes) {
  std::string& data = path(classes);
  for (size_t i = 0; i < high.size(); ++i) {
    const double x = px(high[i].first), y = py(high[i].second);
    data += i == 0 ? fmt::format("M{:.1f} {:.1f}", x, y) : fmt::format("H{:.1f}V{:.1f}", x, y);
  }
  for (size_t i = low.size(); i-- > 0;)
    data += fmt::format("V{:.1f}H{:.1f}", py(low[i].second), px(low[i].first));
  data += "Z";
}

void SvgChart::bar(double x0, double x1, double y, std::string_view classes) {
  path(classes) +=
      fmt::format("M{:.1f} {:.1f}V{:.1f}H{:.1f}V{:.1f}Z", px(x0), bottom_, py(y), px(x1), bottom_);
}

void SvgChart::upright(double x, double y0, double y1, std::string_view classes) {
  path(classes) += fmt::format("M{:.1f} {:.1f}V{:.1f}", px(x), py(y0), py(y1));
}

void SvgChart::dot(double x, double y, std::string_view classes) {
  marks_ +=
      fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"1.8\"/>", classes, px(x), py(y));
}

void SvgChart::level(double y, std::string_view classes) {
  path(classes) += fmt::format("M{:.1f} {:.1f}H{:.1f}", left_, py(y), right_);
}

void SvgChart::text(double x, double y, std::string_view words, double dx, double dy,
                    std::string_view anchor) {
  words_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", px(x) + dx,
                        py(y) + dy, anchor, escape_html(words));
}

void SvgChart::row_label(double y, std::string_view words) {
  words_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left_ - 8,
                        py(y) + 4, escape_html(words));
}

std::string SvgChart::markup() const {
  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width_,
                                height_, escape_html(description_));
  out += frame_;
  for (const auto& [classes, data] : paths_)
    out += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", classes, data);
  return out + marks_ + words_ + "</svg>\n";
}

std::string svg_bars(const std::vector<int64_t>& counts, std::string_view description) {
  const int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string data;
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      data +=
          fmt::format("M{} 20V{:.1f}H{}V20Z", i,
                      19 - 19 * std::sqrt(static_cast<double>(counts[i]) / static_cast<double>(most)), i + 1);
  return fmt::format(
      "<svg class=\"small\" viewBox=\"0 0 {} 20\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"{}\"><path "
      "class=\"bar s1\" d=\"{}\"/></svg>",
      std::max<size_t>(1, counts.size()), escape_html(description), data);
}

}  // namespace octet::tools
