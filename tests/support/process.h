// Runs a program and keeps what it said.
#pragma once

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace octet::testing {

struct Outcome {
  int status = -1;       // exit code; 128 + n if signal n ended it
  std::string out, err;  // standard output and standard error
  double seconds = 0;    // wall time from start to end
};

// Starts arguments[0] (a path, or a name looked up in PATH) with `environment` ("NAME=value") on top of this
// process's own and `in` as its standard input, and waits for its end.
Outcome run_process(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}, const std::string& in = "");

// A program while it runs. Its standard output is a pipe that holds one page, so it cannot run far ahead of
// the reader: a signal sent after some line arrives while the next few kilobytes of lines are written,
// however slow this process is.
class RunningProcess {
 public:
  explicit RunningProcess(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment = {});
  ~RunningProcess();  // kills it if it still runs
  RunningProcess(const RunningProcess&) = delete;
  RunningProcess& operator=(const RunningProcess&) = delete;

  // Reads on until `text` was written; false if the output ended before.
  bool read_until(const std::string& text);
  // Waits until the pipe has room for a few lines at most: the program stands still in a write, or soon will.
  void wait_until_stuck() const;
  void close_output();  // as a reader that has seen enough
  void signal(int number) const;
  Outcome finish();  // reads the rest and waits for the end

 private:
  bool read_more();

  TemporaryFolder folder_;
  int child_ = -1, pipe_ = -1;
  std::string out_;
  size_t seen_ = 0;
};

// The folder above this suite's own: also that of a build that was carried to another machine.
std::string build_folder();

// The program under test, build/octet.
std::string octet_program();

}  // namespace octet::testing
