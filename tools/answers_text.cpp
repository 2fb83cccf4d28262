#include <fmt/format.h>

#include <algorithm>

#include "datasets/text_table.h"
#include "tools/answers.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

constexpr size_t kWidestMatrix = 6, kMistakes = 4, kWrongTexts = 4;

std::string shown(const std::string& label) { return excerpt(label, 16); }

void add_lines(const std::string& text, std::vector<std::string>& lines) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::string matrix(const Answers& answers) {
  std::vector<std::string> header = {"label \\ answer"};
  for (const std::string& label : answers.labels) header.push_back(shown(label));
  Table table(header, 1);
  for (size_t label = 0; label < answers.labels.size(); ++label) {
    std::vector<std::string> row = {shown(answers.labels[label])};
    for (const int64_t count : answers.confusion[label]) row.push_back(std::to_string(count));
    table.row(std::move(row));
  }
  return table.text();
}

// The most frequent first.
std::string mistakes(const Answers& answers) {
  struct Mistake {
    size_t label, answer;
    int64_t count;
  };
  std::vector<Mistake> all;
  for (size_t label = 0; label < answers.labels.size(); ++label)
    for (size_t answer = 0; answer < answers.labels.size(); ++answer)
      if (label != answer && answers.confusion[label][answer] > 0)
        all.push_back({label, answer, answers.confusion[label][answer]});
  std::stable_sort(all.begin(), all.end(),
                   [](const Mistake& a, const Mistake& b) { return a.count > b.count; });
  all.resize(std::min(all.size(), kMistakes));
  std::string text;
  for (const Mistake& m : all)
    text += fmt::format("{}{} taken for {} {}x", text.empty() ? "most frequent mistakes: " : ", ",
                        shown(answers.labels[m.label]), shown(answers.labels[m.answer]), m.count);
  return text;
}

}  // namespace

std::vector<std::string> lines_about(const Answers& answers) {
  std::vector<std::string> lines;
  add_lines(answers.labels.size() <= kWidestMatrix ? matrix(answers) : mistakes(answers), lines);
  for (size_t i = 0; i < std::min(answers.wrong.size(), kWrongTexts); ++i) {
    const AnswerSample& wrong = answers.wrong[i];
    lines.push_back(fmt::format("{}{} taken for {}, {:.1f} % sure: {}",
                                i == 0 ? "most wrong: " : "            ",
                                shown(answers.labels[static_cast<size_t>(wrong.label)]),
                                shown(answers.labels[static_cast<size_t>(wrong.answer)]),
                                100 * wrong.probability, excerpt(wrong.text, 60)));
  }
  return lines;
}

}  // namespace octet::tools
