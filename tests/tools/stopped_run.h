// A run that was stopped, and what going on with it says and leaves.
#pragma once

#include <algorithm>
#include <csignal>

#include "tests/tools/small_run.h"

namespace octet::testing {

// Starts a run, or goes on with one, and sends it `number` once it has written `marker`. A step writes a line
// and the pipe to us holds 4096 bytes, about 30 lines, so it stops within that many steps: in the same epoch
// of 66 where the marker is an early step.
inline Outcome stopped(const Arguments& arguments, const std::string& marker, int number) {
  RunningProcess process(arguments);
  CHECK(process.read_until(marker));
  process.signal(number);
  return process.finish();
}

inline Arguments resume(const std::string& folder, const Arguments& more = {}) {
  return Arguments{octet_program(), "train", "--resume", folder} + more;
}

inline void finish(const std::string& folder) {
  const Outcome outcome = run_process(resume(folder));
  INFO(outcome.err);
  CHECK(outcome.status == 0);
}

// The checkpoint of a run of two epochs, of which the second was stopped.
struct Stopped {
  Runs runs;
  std::string folder = runs.path("run"), checkpoint = folder + "/last.ckpt.safetensors";
  Stopped() { REQUIRE(stopped(runs.train("run"), "epoch 2/3  step 5/", SIGINT).status == 130); }
  // Resuming fails with this code and a message that holds this text, and leaves the folder as it was.
  void refused(const Arguments& more, int status, const std::string& text) const {
    const std::string log = read_file(folder + "/log.jsonl"), before = read_file(checkpoint);
    const Outcome outcome = run_process(resume(folder, more));
    CHECK(outcome.status == status);
    CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
    CHECK(outcome.err.starts_with("octet: "));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK(read_file(folder + "/log.jsonl") == log);
    CHECK((read_file(checkpoint) == before));
  }
  // Goes on within the second epoch, and returns what was said.
  std::string go_on(const Arguments& more) const {
    const Outcome outcome = stopped(resume(folder, more), "epoch 2/3  step ", SIGINT);
    INFO(outcome.err);
    CHECK(outcome.status == 130);
    return outcome.out;
  }
};

}  // namespace octet::testing
