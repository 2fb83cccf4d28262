#include "tests/tools/own_texts.h"

#include <algorithm>

#include "core/rng.h"

namespace octet::testing {

std::vector<OwnText> own_texts(const std::vector<std::pair<std::string, int>>& labels, uint64_t seed) {
  Rng rng(seed);
  std::vector<OwnText> texts;
  for (size_t label = 0; label < labels.size(); ++label)
    for (int i = 0; i < labels[label].second; ++i) {
      std::vector<std::string> words;
      for (uint64_t n = 3 + rng.below(5); n > 0; --n) words.push_back("word" + std::to_string(rng.below(20)));
      if (rng.below(10) > 0)
        for (int n = 0; n < 2; ++n)
          words[rng.below(words.size())] =
              std::string(1, static_cast<char>('a' + label)) + "-own" + std::to_string(rng.below(4));
      if (rng.below(4) == 0) words.push_back("d\xC3\xA9j\xC3\xA0");
      std::string text;
      for (const std::string& word : words)
        text += (text.empty()         ? ""
                 : rng.below(15) == 0 ? "\n"
                 : rng.below(15) == 0 ? ", \"so\" "
                                      : " ") +
                word;
      texts.push_back({labels[label].first, text});
    }
  rng.shuffle(texts.begin(), texts.end());
  return texts;
}

namespace {

std::string cell(const std::string& value) {
  if (value.find_first_of("\",\n") == std::string::npos) return value;
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string as_csv(const std::vector<OwnText>& texts, const std::string& line_end) {
  std::string out = "label,text" + line_end;
  for (const OwnText& row : texts) out += cell(row.label) + "," + cell(row.text) + line_end;
  return out;
}

std::string TextRuns::file(const std::string& name, const std::string& bytes) const {
  write_file(path(name), bytes);
  return path(name);
}

Arguments TextRuns::command(const std::string& out, const Arguments& more) const {
  return Arguments{octet_program(),
                   "train",
                   "text",
                   "--out",
                   path(out),
                   "--epochs",
                   "6",
                   "--embedding",
                   "12",
                   "--hidden",
                   "8",
                   "--layers",
                   "1",
                   "--lr",
                   "0.02",
                   "--threads",
                   "1",
                   "--batch-size",
                   "16",
                   "--log-every",
                   "1"} +
         more;
}

std::string TextRuns::train(const std::string& out, const Arguments& more) const {
  const Outcome outcome = run_process(command(out, more));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.err == "");
  return outcome.out;
}

Json TextRuns::eval(const std::string& out, const Arguments& more) const {
  const Outcome outcome = run_octet(Arguments{"eval", path(out), "--json"} + more);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return events_in(outcome.out).at(0);
}

void check_refused(const Outcome& outcome, int status, const std::string& text) {
  INFO(text);
  CHECK(outcome.status == status);
  CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
  CHECK(outcome.err.starts_with("octet: "));
  CHECK_MESSAGE(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1, outcome.err);
  CHECK(outcome.out.empty());
}

}  // namespace octet::testing
