// Runs a program and keeps what it said.
#pragma once

#include <string>
#include <vector>

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

// The program under test, build/octet.
std::string octet_program();

}  // namespace octet::testing
