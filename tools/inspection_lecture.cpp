#include "tools/inspection_lecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/format.h"
#include "tools/html.h"
#include "tools/inspection_view.h"
#include "tools/svg_chart.h"

namespace octet::tools {
namespace {

using optim::Book;
using optim::Map;

constexpr int kWidth = 960;

// The positive values of a book, ascending.
std::vector<double> positive_values(Book book, Map map) {
  const optim::Codebook& codes = optim::codebook(book, map);
  std::vector<double> out;
  for (int m = 1; m <= codes.top; ++m) out.push_back(codes.value[static_cast<size_t>(codes.index(m))]);
  return out;
}

size_t below(const std::vector<double>& sorted, double x) {
  return static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), x) - sorted.begin());
}

// The slot to show scales on: of those in more than one block, a second moment if there is one, and the
// largest.
const SlotState* shown_slot(const CheckpointState& state) {
  const SlotState* best = nullptr;
  const auto rank = [&](const SlotState& slot) {
    return std::pair(slot.held.book == Book::Unsigned, slot.elements());
  };
  for (const SlotState& slot : state.slots)
    if (slot.place >= 0 && slot.elements() > 2 * optim::kDefaultBlock && (!best || rank(slot) > rank(*best)))
      best = &slot;
  return best;
}

// Magnitudes other than 0 of a block, sorted.
std::vector<double> magnitudes(const SlotState& slot, int64_t block, int64_t size) {
  std::vector<double> out;
  const int64_t end = std::min((block + 1) * size, slot.elements());
  for (int64_t i = block * size; i < end; ++i)
    if (const double x = std::abs(static_cast<double>(slot.held.values[static_cast<size_t>(i)])); x > 0)
      out.push_back(x);
  std::sort(out.begin(), out.end());
  return out;
}

double power_of_ten_below(double x) { return std::pow(10.0, std::floor(std::log10(x))); }

std::string ratio_chart(const std::string& name, const std::vector<double>& ratios, const ChartAxis& x) {
  constexpr double kLeast = 1e-6;
  SvgChart chart(
      kWidth, 104, x,
      {.low = kLeast,
       .high = 1,
       .log = true,
       .label = fmt::format("{}: median {}, 99 % {}, largest {}", name, times(sorted_quantile(ratios, 0.5)),
                            times(sorted_quantile(ratios, 0.99)), times(sorted_quantile(ratios, 1))),
       .numbers = false,
       .room = 24},
      "Histogram of step size ratios of " + name);
  constexpr int kBins = 10;  // a decade
  const double first = std::log10(x.low), decades = std::log10(x.high / x.low);
  std::vector<double> share(static_cast<size_t>(std::lround(decades * kBins)));
  for (const double ratio : ratios) {
    const double place = std::floor((std::log10(ratio) - first) * kBins + 0.5);
    share[static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(share.size() - 1)))] +=
        1 / static_cast<double>(ratios.size());
  }
  for (size_t i = 0; i < share.size(); ++i) {
    const double at = (static_cast<double>(i) - 0.5) / kBins + first;  // so that 1 is in the middle of a bar
    if (share[i] > 0)
      chart.bar(std::pow(10.0, at + 0.01), std::pow(10.0, at + 0.09), std::max(share[i], 2 * kLeast),
                "bar s1");
  }
  return chart.markup();
}

}  // namespace

std::string code_books_section() {
  struct Row {
    const char* name;
    Book book;
    Map map;
    const char* colour;
  };
  static constexpr Row rows[] = {{"linear", Book::Unsigned, Map::Linear, "line s6"},
                                 {"dynamic, signed", Book::Signed, Map::Dynamic, "line s1"},
                                 {"dynamic, unsigned", Book::Unsigned, Map::Dynamic, "line s1"},
                                 {"v0.36, unsigned", Book::Unsigned, Map::DynamicV036, "line s2"},
                                 {"4 bits, signed", Book::Signed, Map::Powers4, "line s4"},
                                 {"4 bits, unsigned", Book::Unsigned, Map::Powers4, "line s4"}};
  const double count = std::size(rows);
  SvgChart chart(kWidth, 310,
                 {.low = 1e-7,
                  .high = 1.2,
                  .log = true,
                  .label = "value of a code, as a share of the largest of its block"},
                 {.low = 0, .high = count, .numbers = false, .room = 150},
                 "The positive values of six code books on a log axis");
  double y = count - 1;
  for (const Row& row : rows) {
    for (const double value : positive_values(row.book, row.map))
      chart.upright(value, y + 0.12, y + 0.88, row.colour);
    chart.row_label(y + 0.5, row.name);
    --y;
  }
  const std::vector<double> linear = positive_values(Book::Unsigned, Map::Linear),
                            dynamic = positive_values(Book::Unsigned, Map::Dynamic),
                            v036 = positive_values(Book::Unsigned, Map::DynamicV036);
  return html_heading("The code books") +
         html_paragraph(fmt::format(
             "A code of 8 bits names one of 256 values between 0 and the largest value that shares its "
             "scale. Linear codes are evenly spaced: {} of them lie below a hundredth of the largest. "
             "Dynamic codes cover seven powers of ten, each with twice as many values as the one below: {} "
             "lie below a hundredth, and the smallest is {:.1e}. Second moments are never negative, so their "
             "book needs no sign and has twice the values.",
             below(linear, 0.01), below(dynamic, 0.01), dynamic.front())) +
         html_paragraph(fmt::format("The unsigned book of bitsandbytes 0.36.0 to 0.41.0 was built with too "
                                    "many values in each decade, and only its lowest 256 were read: it ends "
                                    "at {:.4f}. Whatever is larger is stored as that.",
                                    v036.back())) +
         html_figure(chart.markup(),
                     "Positive values of each book; those of signed books have negatives as well. 0 has a "
                     "code in all of them and no place on this axis.");
}

std::string scales_section(const Inspection& inspection) {
  const CheckpointState& state = inspection.exact() ? *inspection.exact() : inspection.state;
  const SlotState* slot = shown_slot(state);
  if (!slot) return "";
  constexpr int64_t kBlock = optim::kDefaultBlock, kMostBlocks = 220;
  const int64_t blocks = (slot->elements() + kBlock - 1) / kBlock;
  const int64_t every = (blocks + kMostBlocks - 1) / kMostBlocks;
  struct Block {
    double at, low, high, absmax;
  };
  std::vector<Block> shown;
  double largest = 0, smallest = INFINITY;
  int64_t lost_linear = 0, lost_tensor = 0, lost_block = 0, living = 0;
  const double floor_linear = optim::codebook(slot->held.book, Map::Linear).lower[1],
               floor_dynamic = optim::codebook(slot->held.book, Map::Dynamic).lower[1];
  for (const float x : slot->held.values) largest = std::max(largest, std::abs(static_cast<double>(x)));
  for (int64_t block = 0; block < blocks; ++block) {
    const std::vector<double> sorted = magnitudes(*slot, block, kBlock);
    if (sorted.empty()) continue;
    const double absmax = sorted.back();
    living += static_cast<int64_t>(sorted.size());
    lost_linear += static_cast<int64_t>(below(sorted, floor_linear * largest));
    lost_tensor += static_cast<int64_t>(below(sorted, floor_dynamic * largest));
    lost_block += static_cast<int64_t>(below(sorted, floor_dynamic * absmax));
    if (block % every != 0) continue;
    const auto n = static_cast<double>(sorted.size() - 1);
    shown.push_back({static_cast<double>(block), sorted[static_cast<size_t>(0.02 * n)],
                     sorted[static_cast<size_t>(0.98 * n)], absmax});
    smallest = std::min(smallest, shown.back().low);
  }
  if (shown.empty()) return "";
  const double low = power_of_ten_below(std::min(smallest, floor_dynamic * largest));
  SvgChart chart(
      kWidth, 420, {.low = -1, .high = static_cast<double>(blocks), .label = "block of 256 elements"},
      {.low = low, .high = 10 * power_of_ten_below(largest), .log = true, .label = "size of the values"},
      "Values of a tensor by block, with the scale of the tensor and the scales of its blocks");
  for (const Block& block : shown) {
    chart.upright(block.at, block.low, block.high, "thin s1");
    chart.dot(block.at, block.absmax, "mark s3");
  }
  chart.level(largest, "line s6");
  chart.level(floor_linear * largest, "line dashed s2");
  chart.level(floor_dynamic * largest, "line dashed s6");
  const auto last = static_cast<double>(blocks);
  chart.text(last, largest, "largest of the tensor", -4, -5, "end");
  chart.text(last, floor_linear * largest, "one scale, linear codes: all below is stored as 0", -4, -5,
             "end");
  chart.text(last, floor_dynamic * largest, "one scale, dynamic codes: all below is stored as 0", -4, -5,
             "end");
  const auto share = [&](int64_t lost) {
    return percent(static_cast<double>(lost) / static_cast<double>(living));
  };
  return html_heading("Why a scale for each block") +
         html_paragraph(
             fmt::format("This is {} of {}, {} elements. Values of one block are near to each other, those "
                         "of a whole tensor are not. With one scale for the tensor its largest value decides "
                         "what everything else is measured by; the largest of a block concerns 255 others.",
                         slot->slot, slot->parameter, format_count(slot->elements()))) +
         html_paragraph(fmt::format(
             "Of the values that are not 0, nearest codes would lose to 0: {} with linear codes and one "
             "scale, {} with dynamic codes and one scale, {} with dynamic codes and a scale a block.",
             share(lost_linear), share(lost_tensor), share(lost_block))) +
         html_figure(chart.markup(),
                     fmt::format("Strokes: the middle 96 % of a block's values other than 0{}; dots: the "
                                 "block's largest, its scale. Blocks without a stroke are all 0.",
                                 every > 1 ? fmt::format(", one block of {}", every) : ""));
}

std::string step_sizes_section(const Inspection& inspection) {
  if (inspection.trials.empty() || inspection.trials.front().ratios.empty()) return "";
  double most = 10;
  for (const Trial& trial : inspection.trials) most = std::max(most, sorted_quantile(trial.ratios, 1));
  if (!inspection.paired_ratios.empty()) most = std::max(most, inspection.paired_ratios.back());
  ChartAxis x{.low = 0.1, .high = std::min(1e8, 10 * power_of_ten_below(most)), .log = true};
  std::string charts;
  if (!inspection.paired_ratios.empty())
    charts += ratio_chart("this run, " + inspection.state.config.state, inspection.paired_ratios, x);
  for (const Trial& trial : inspection.trials) {
    const bool last = &trial == &inspection.trials.back();
    if (last)
      x.label = "step without a new gradient by stored second moments, as a multiple of one by exact ones";
    charts += ratio_chart(trial.name, trial.ratios, x);
  }
  return html_heading("What it does to the step") +
         html_paragraph(
             "The rule divides by the root of the second moment, so an error there is an error of the "
             "learning rate of that weight. A second moment that is stored as 0 leaves eps alone to divide "
             "by: far to the right. Plain is nearest codes, as published; without the word, a positive "
             "second moment is never stored as 0.") +
         html_figure(charts,
                     "Share of the weights that move, on a log scale from a millionth to all of them: bars "
                     "at 1 are weights whose step is what it would be.");
}

std::string courses_section(const Inspection& inspection) {
  if (inspection.courses.empty()) return "";
  double most = 2, least = 0.5;
  for (const Course& course : inspection.courses)
    for (const double ratio : course.p99) most = std::max(most, ratio);
  for (const Course& course : inspection.courses)
    for (const double ratio : course.median) least = std::min(least, ratio);
  const size_t steps = inspection.courses.front().median.size() - 1;
  SvgChart chart(kWidth, 320, {.low = 0, .high = static_cast<double>(steps), .label = "steps"},
                 {.low = least < 0.9 ? power_of_ten_below(least) : 0.5,
                  .high = 10 * power_of_ten_below(most),
                  .log = true,
                  .label = "step size, as a multiple of the exact one"},
                 "Median and 99th percentile of step sizes over steps");
  static constexpr const char* colours[] = {"s3", "s1", "s2"};
  std::string legend;
  for (size_t i = 0; i < inspection.courses.size(); ++i) {
    const Course& course = inspection.courses[i];
    const std::string colour = colours[i % std::size(colours)];
    std::vector<ChartPoint> median, p99;
    for (size_t step = 0; step <= steps; ++step) {
      median.emplace_back(static_cast<double>(step), course.median[step]);
      p99.emplace_back(static_cast<double>(step), course.p99[step]);
    }
    chart.line(median, "line " + colour);
    chart.line(p99, "line dashed " + colour);
    legend += fmt::format(
        "<svg class=\"small\" viewBox=\"0 0 60 10\" style=\"width:3rem;height:.8rem;display:inline-block\" "
        "aria-hidden=\"true\"><path class=\"line {}\" d=\"M0 5H60\"/></svg> {} &#160; ",
        colour, escape_html(course.name));
  }
  const Course& worst = inspection.courses.back();
  return html_heading("What it adds up to") +
         html_paragraph(fmt::format(
             "Every step reads what the last one stored. Suppose gradients stay as large as they are, so "
             "that exact second moments stay where they are; then any change is due to storing. With the "
             "v0.36 book each step cuts the block's largest to a tenth, the scale goes down with it, and so "
             "on, until what one step adds is all there is: after {} steps the median weight moves {} times "
             "as far as it should, one in a hundred {} times.",
             steps, times(worst.median.back()), times(worst.p99.back()))) +
         html_figure("<p>" + legend + "</p>\n" + chart.markup(),
                     "Emulated from this state: median of the weights that move (solid) and their 99th "
                     "percentile (dashed).");
}

}  // namespace octet::tools
