// Labelled texts of one's own, made up: every label has words of its own among words that all share.
#pragma once

#include "tests/tools/small_run.h"

namespace octet::testing {

struct OwnText {
  std::string label, text;
};

// So many texts of each label, in any order. One in ten has none of its label's words; some hold quotes,
// accents and line breaks.
std::vector<OwnText> own_texts(const std::vector<std::pair<std::string, int>>& labels, uint64_t seed = 1);

// label,text with a header; what needs quotes has them.
std::string as_csv(const std::vector<OwnText>& texts, const std::string& line_end = "\n");

// A folder with files, and runs of task text beside them.
class TextRuns {
 public:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string file(const std::string& name, const std::string& bytes) const;  // its path
  std::string bytes(const std::string& name) const { return read_file(folder_ / name); }
  // The command that trains a narrow model into folder `out`, with a line a step.
  Arguments command(const std::string& out, const Arguments& more) const;
  // Runs that, requires that it went well, and returns what it printed.
  std::string train(const std::string& out, const Arguments& more) const;
  std::vector<Json> events(const std::string& out) const { return events_in(bytes(out + "/log.jsonl")); }
  // octet eval OUT --json
  Json eval(const std::string& out, const Arguments& more = {}) const;

 private:
  TemporaryFolder folder_;
};

// Fails with `status` and, on standard error, one line that holds `text`.
void check_refused(const Outcome& outcome, int status, const std::string& text);

}  // namespace octet::testing
