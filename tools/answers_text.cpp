#include <fmt/format.h>

#include <algorithm>

#include "datasets/text_table.h"
#include "tools/answers.h"
#include "tools/format.h"

namespace octet::tools {
namespace {

constexpr int64_t kWidestMatrix = 6;
constexpr size_t kMistakes = 4, kWrongTexts = 4;

std::string shown(const std::string& label) { return excerpt(label, 16); }

std::string mistakes(const Answers& answers) {
  std::string text;
  for (const Mistake& m : frequent_mistakes(answers.metrics, kMistakes))
    text += fmt::format("{}{} taken for {} {}x", text.empty() ? "most frequent mistakes: " : ", ",
                        shown(answers.labels[static_cast<size_t>(m.label)]),
                        shown(answers.labels[static_cast<size_t>(m.prediction)]), m.count);
  return text;
}

}  // namespace

std::vector<std::string> lines_about(const Answers& answers) {
  const ClassificationMetrics& metrics = answers.metrics;
  std::vector<std::string> lines =
      lines_of(metrics.classes <= kWidestMatrix
                   ? confusion_text(metrics, answers.labels, kWidestMatrix, "label \\ answer")
                   : mistakes(answers));
  for (size_t i = 0; i < std::min(answers.wrong.size(), kWrongTexts); ++i) {
    const AnswerSample& wrong = answers.wrong[i];
    lines.push_back(fmt::format("{}{} taken for {}, {} % sure: {}", i == 0 ? "most wrong: " : "            ",
                                shown(answers.labels[static_cast<size_t>(wrong.label)]),
                                shown(answers.labels[static_cast<size_t>(wrong.answer)]),
                                format_fixed(100 * wrong.probability, 1), excerpt(wrong.text, 60)));
  }
  return lines;
}

}  // namespace octet::tools
