// The parts that the pages of runs are made of. All return markup, empty where there is nothing to show.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/report.h"

namespace octet::tools {

// Values by epoch, one curve each.
struct Curve {
  std::string words;                              // of the legend; text
  std::string classes;                            // "s1", "s2 dashed"
  std::vector<std::pair<double, double>> points;  // epoch, value; values that are not finite leave a gap
};
struct CurveChart {
  std::string label, caption;
  bool percent = false;
};
std::string curves_figure(const CurveChart& chart, const std::vector<Curve>& curves);
// Of a run: (epoch, member).
std::vector<std::pair<double, double>> course_of(const RunReport& run, double EpochEvent::*member);
// s1 to s6, then the same dashed.
std::string series_class(size_t i);

std::string memory_section(const RunReport& run);
std::string answers_section(const Answers& answers);
// How the optimizer state is stored; `folder` has the checkpoint.
std::string state_section(const RunReport& run, const std::string& folder);
std::string settings_section(const TrainConfig& config);
std::string problems_section(const std::vector<std::string>& problems);

std::string number_text(double value, int digits);  // "not finite" for what is not
std::string tag_words(size_t tag);                  // "optimizer state"

}  // namespace octet::tools
