#include "tools/answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tools/json_values.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShown = 10;
constexpr size_t kMostBytes = 400;  // of a text

std::string cut(std::string text) {
  if (text.size() <= kMostBytes) return text;
  size_t end = kMostBytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + " \xE2\x80\xA6";
}

Json to_json(const std::vector<AnswerSample>& samples) {
  Json out = Json::array();
  for (const AnswerSample& sample : samples)
    out.push_back({{"text", sample.text},
                   {"label", sample.label},
                   {"answer", sample.answer},
                   {"probability", sample.probability}});
  return out;
}

std::vector<AnswerSample> samples_from_json(const Json& list, size_t classes) {
  std::vector<AnswerSample> out;
  const auto label = [&](const Json& entry, const char* name) {
    const int64_t place = count_of(entry, name);
    require(static_cast<size_t>(place) < classes, ErrorKind::Data, "there is no label ", place);
    return static_cast<int32_t>(place);
  };
  for (const Json& entry : list)
    out.push_back({text_of(entry, "text"), label(entry, "label"), label(entry, "answer"),
                   number_of(entry, "probability")});
  return out;
}

}  // namespace

Answers make_answers(std::vector<std::string> labels, std::span<const int32_t> label,
                     std::span<const int32_t> answer, std::span<const double> probability,
                     const std::function<std::string(size_t)>& text) {
  const size_t classes = labels.size(), rows = label.size();
  require(answer.size() == rows && probability.size() == rows, "answers: ", rows, " labels, ", answer.size(),
          " answers, ", probability.size(), " probabilities");
  Answers out{.labels = std::move(labels)};
  std::vector<int64_t> confusion(classes * classes);
  std::vector<size_t> wrong, right;
  std::vector<size_t> right_of(classes);
  const size_t of_each = std::max<size_t>(1, kShown / std::max<size_t>(1, classes));
  for (size_t row = 0; row < rows; ++row) {
    const auto l = static_cast<size_t>(label[row]), a = static_cast<size_t>(answer[row]);
    require(l < classes && a < classes, "answers: row ", row, " has label ", label[row], " and answer ",
            answer[row], " of ", classes, " classes");
    ++confusion[l * classes + a];
    if (l != a)
      wrong.push_back(row);
    else if (right_of[l]++ < of_each && right.size() < kShown)
      right.push_back(row);
  }
  out.metrics = metrics_of_confusion(std::move(confusion), static_cast<int64_t>(classes));
  std::stable_sort(wrong.begin(), wrong.end(),
                   [&](size_t x, size_t y) { return probability[x] > probability[y]; });
  wrong.resize(std::min(wrong.size(), kShown));
  const auto sample = [&](size_t row) {
    return AnswerSample{cut(text(row)), label[row], answer[row], probability[row]};
  };
  for (const size_t row : right) out.right.push_back(sample(row));
  for (const size_t row : wrong) out.wrong.push_back(sample(row));
  return out;
}

Json to_json(const Answers& answers) {
  return {{"event", "answers"},
          {"labels", answers.labels},
          {"confusion", confusion_json(answers.metrics)},
          {"right", to_json(answers.right)},
          {"wrong", to_json(answers.wrong)}};
}

Answers answers_from_json(const Json& event) {
  Answers out;
  for (const Json& label : member_of(event, "labels")) {
    require(label.is_string(), ErrorKind::Data, "a label is no text");
    out.labels.push_back(label.get<std::string>());
  }
  const size_t classes = out.labels.size();
  std::vector<int64_t> confusion;
  const Json& rows = member_of(event, "confusion");
  for (const Json& row : rows) {
    for (const Json& count : row) confusion.push_back(count_of(count));
    require(row.size() == classes, ErrorKind::Data, "the confusion matrix is not square");
  }
  require(rows.size() == classes, ErrorKind::Data, "the confusion matrix is not square");
  out.metrics = metrics_of_confusion(std::move(confusion), static_cast<int64_t>(classes));
  out.right = samples_from_json(member_of(event, "right"), classes);
  out.wrong = samples_from_json(member_of(event, "wrong"), classes);
  return out;
}

}  // namespace octet::tools
