// Training runs that take a second: a corpus of a few hundred made-up messages and a narrow model.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/support.h"

namespace octet::testing {

using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

Arguments operator+(Arguments left, const Arguments& right);

// Runs build/octet.
Outcome run_octet(const Arguments& arguments, const Arguments& environment = {}, const std::string& in = "");

// label<TAB>text lines, a fifth of them spam.
std::string small_corpus(int64_t rows = 700, uint64_t seed = 1);

// A folder with the corpus in `data.txt`, and runs beside it.
class Runs {
 public:
  explicit Runs(const std::string& corpus = small_corpus());
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string data() const { return path("data.txt"); }
  // The command that trains into folder `out`: 3 epochs of 66 batches, two threads, a line a step.
  Arguments train(const std::string& out, const Arguments& more = {}) const;
  // Runs that, and requires that it went well.
  Outcome trained(const std::string& out, const Arguments& more = {}) const;
  std::string bytes(const std::string& name) const { return read_file(folder_ / name); }

 private:
  TemporaryFolder folder_;
};

// One a line; fails the test if a line is no JSON.
std::vector<Json> all_events_in(const std::string& text);
// Those that tell a run's course: without a memory_timeline and the answers.
std::vector<Json> events_in(const std::string& text);
// The events of a log but for what two equal runs may differ in: the times, and in the start event the paths,
// the threads and the folder resumed from.
std::vector<Json> comparable(const std::string& log);
// Fails the test where two checkpoints differ in a tensor or in a counter other than the times.
void check_same_checkpoint(const std::string& a, const std::string& b);
// The same for all that two run folders hold.
void check_same_run(const std::string& a, const std::string& b);

}  // namespace octet::testing
