// How a classifier answered on texts it was not trained on: the confusion matrix, and texts to look at.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "tools/metrics.h"

namespace octet::tools {

struct AnswerSample {
  std::string text;  // cut where it is long
  int32_t label = 0, answer = 0;
  double probability = 0;  // that the model gave to its answer
};

struct Answers {
  std::vector<std::string> labels;
  ClassificationMetrics metrics;    // of the answers, by label
  std::vector<AnswerSample> right;  // some of each label
  std::vector<AnswerSample> wrong;  // the most certain first
};

// `label`, `answer` and `probability` by row; `text(row)` is asked for those that are shown.
Answers make_answers(std::vector<std::string> labels, std::span<const int32_t> label,
                     std::span<const int32_t> answer, std::span<const double> probability,
                     const std::function<std::string(size_t row)>& text);

// For a terminal, at most 12 lines: the confusion matrix, or of more than 6 classes the most frequent
// mistakes, and the most wrong texts.
std::vector<std::string> lines_about(const Answers& answers);

// {"event":"answers","labels":[...],"confusion":[[...]],"right":[{"text","label","answer","probability"}],
// "wrong":[...]}; label and answer are places in `labels`.
nlohmann::ordered_json to_json(const Answers& answers);
// Errors (Data): it is no such event.
Answers answers_from_json(const nlohmann::ordered_json& event);

}  // namespace octet::tools
