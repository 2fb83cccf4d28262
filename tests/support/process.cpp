#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "tests/support/support.h"

namespace octet::testing {

std::string octet_program() { return std::string(OCTET_BINARY_DIR) + "/octet"; }

Outcome run_process(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                    const std::string& in) {
  // Files instead of pipes: a program that writes much to both cannot block.
  const TemporaryFolder folder;
  const std::string in_path = (folder / "in").string(), out_path = (folder / "out").string(),
                    err_path = (folder / "err").string();
  write_file(in_path, in);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> copies = environment;  // putenv keeps the pointer

  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int in_file = open(in_path.c_str(), O_RDONLY | O_CLOEXEC);
    const int out_file = open(out_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const int err_file = open(err_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(in_file, 0);
    dup2(out_file, 1);
    dup2(err_file, 2);
    for (std::string& entry : copies) putenv(entry.data());
    execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  Outcome outcome;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_file(out_path);
  outcome.err = read_file(err_path);
  return outcome;
}

}  // namespace octet::testing
