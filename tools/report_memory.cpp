#include <fmt/format.h>

#include <algorithm>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/report_sections.h"
#include "tools/svg_chart.h"

namespace octet::tools {
namespace {

struct Unit {
  double bytes;
  const char* name;
};
Unit unit_for(int64_t most) {
  if (most < 1'000'000) return {1e3, "kB"};
  return most < 1'000'000'000 ? Unit{1e6, "MB"} : Unit{1e9, "GB"};
}

// What each tag holds, one on the other in the order of the tags; all x of `at` rise.
struct Stack {
  std::vector<double> at;
  std::vector<BytesByTag> held;
};

void draw(SvgChart& chart, const Stack& stack, double unit) {
  std::vector<ChartPoint> low, high;
  for (const double x : stack.at) low.emplace_back(x, 0);
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    high = low;
    bool any = false;
    for (size_t i = 0; i < high.size(); ++i) {
      high[i].second += static_cast<double>(stack.held[i][tag]) / unit;
      any = any || stack.held[i][tag] > 0;
    }
    if (any) chart.area(low, high, "bar faint " + series_class(tag));
    if (any) chart.steps(high, "thin " + series_class(tag));
    low = high;
  }
}

std::string legend(const Stack& stack) {
  std::vector<LegendEntry> entries;
  for (size_t tag = kMemoryTags; tag-- > 0;)  // from the top, as they lie
    if (std::any_of(stack.held.begin(), stack.held.end(),
                    [&](const BytesByTag& held) { return held[tag] > 0; }))
      entries.push_back({series_class(tag), tag_words(tag)});
  return html_legend(entries);
}

std::string timeline_figure(const MemoryTimeline& timeline) {
  if (timeline.points.size() < 2) return "";
  Stack stack;
  int64_t most = 0;
  for (const MemoryTimeline::Point& point : timeline.points) {
    stack.at.push_back(static_cast<double>(point.at));
    stack.held.push_back(point.live);
    most = std::max(most, point.total());
  }
  const Unit unit = unit_for(most);
  const double top = static_cast<double>(most) / unit.bytes * 1.12;
  const double right = static_cast<double>(std::max<int64_t>(1, timeline.changes));
  SvgChart chart(960, 340,
                 {.low = 0, .high = right, .label = "allocations and releases of the step, in their order"},
                 {.low = 0, .high = top, .label = unit.name}, "Memory by tag over a step");
  draw(chart, stack, unit.bytes);
  for (const MemoryTimeline::Phase& phase : timeline.phases) {
    const auto from = static_cast<double>(phase.from), to = static_cast<double>(phase.to);
    chart.upright(from, 0, top, "axis dashed");
    // A phase that hardly allocates has no room for its name on its right.
    const bool narrow = to - from < 0.06 * right && from > 0.9 * right;
    chart.text(from, top, phase.name, narrow ? -4 : 4, 12, narrow ? "end" : "start");
  }
  return html_figure(
      legend(stack) + "<div class=\"scroll\">" + chart.markup() + "</div>",
      fmt::format("Memory over one step, number {} of epoch 1, that of the most tokens ({} rows): what "
                  "tensors hold after each of {} allocations and releases. Highest: {}.",
                  timeline.step, format_count(timeline.rows), format_count(timeline.changes),
                  format_bytes(most)));
}

std::string course_figure(const RunReport& run) {
  if (run.epochs.size() < 2) return "";
  Stack stack;
  int64_t most = 0;
  for (const EpochEvent& epoch : run.epochs) {
    stack.at.push_back(static_cast<double>(epoch.epoch));
    stack.held.push_back(epoch.peak_by_tag);
    most = std::max(most, epoch.peak_bytes);
  }
  const Unit unit = unit_for(most);
  SvgChart chart(480, 260,
                 {.low = stack.at.front(), .high = stack.at.back(), .label = "epoch", .whole = true},
                 {.low = 0, .high = static_cast<double>(most) / unit.bytes * 1.06, .label = unit.name},
                 "Largest memory so far by epoch");
  draw(chart, stack, unit.bytes);
  return html_figure(legend(stack) + chart.markup(),
                     "Over the run: what each tag held at the moment of the largest use so far.");
}

}  // namespace

std::string tag_words(size_t tag) {
  std::string words = name_of(static_cast<MemoryTag>(tag));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string memory_section(const RunReport& run) {
  const int64_t peak = run.peak_bytes();
  if (peak == 0 && !run.timeline) return "";
  const BytesByTag at_peak = run.peak_by_tag(), most = run.max_by_tag();
  HtmlTable table({"held for", "at the peak", "bytes", "share", "its own maximum"}, 1);
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    table.row(
        {"<span class=\"" + series_class(tag) + " key\"></span>" + tag_words(tag), format_bytes(at_peak[tag]),
         format_count(at_peak[tag]),
         fmt::format("{:.1f} %",
                     peak > 0 ? 100 * static_cast<double>(at_peak[tag]) / static_cast<double>(peak) : 0),
         format_bytes(most[tag])});
  table.row({"all", format_bytes(peak), format_count(peak), "100 %", ""});
  std::string body = html_heading("Memory");
  if (run.timeline) body += timeline_figure(*run.timeline);
  return body + html_grid("<div>" + table.markup() + "</div>\n" + course_figure(run));
}

}  // namespace octet::tools
