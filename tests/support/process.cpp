#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

namespace octet::testing {

std::string build_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().string();
}

std::string octet_program() { return build_folder() + "/octet"; }

namespace {

// `arguments` as exec wants them.
std::vector<char*> argv_of(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  return argv;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

Outcome run_process(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                    const std::string& in) {
  // Files instead of pipes: a program that writes much to both cannot block.
  const TemporaryFolder folder;
  const std::string in_path = (folder / "in").string(), out_path = (folder / "out").string(),
                    err_path = (folder / "err").string();
  write_file(in_path, in);
  std::vector<char*> argv = argv_of(arguments);
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
  outcome.status = status_of(status);
  outcome.out = read_file(out_path);
  outcome.err = read_file(err_path);
  return outcome;
}

RunningProcess::RunningProcess(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment) {
  write_file(folder_ / "err", "");
  const std::string err_path = (folder_ / "err").string();
  std::vector<char*> argv = argv_of(arguments);
  std::vector<std::string> copies = environment;  // putenv keeps the pointer
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
  child_ = fork();
  REQUIRE(child_ >= 0);
  if (child_ == 0) {
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    dup2(ends[1], 1);
    dup2(open(err_path.c_str(), O_WRONLY | O_CLOEXEC), 2);
    for (std::string& entry : copies) putenv(entry.data());
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(ends[1]);
  pipe_ = ends[0];
}

RunningProcess::~RunningProcess() {
  close_output();
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

bool RunningProcess::read_more() {
  char bytes[4096];
  ssize_t n;
  do n = read(pipe_, bytes, sizeof bytes);
  while (n < 0 && errno == EINTR);
  if (n > 0) out_.append(bytes, static_cast<size_t>(n));
  return n > 0;
}

bool RunningProcess::read_until(const std::string& text) {
  for (;;) {
    const size_t at = out_.find(text, seen_);
    if (at != std::string::npos) {
      seen_ = at + text.size();
      return true;
    }
    if (!read_more()) return false;
  }
}

void RunningProcess::wait_until_stuck() const {
  constexpr int kLine = 400;  // no progress line is longer, so that few more fit where less room is left
  constexpr int kStill = 50;  // ms without a line more: several short ones fit where kLine would not
  int waiting = 0, still = 0;
  siginfo_t ended{};
  while (still < kStill) {
    const int before = waiting;
    REQUIRE(ioctl(pipe_, FIONREAD, &waiting) == 0);
    REQUIRE(waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
    REQUIRE_MESSAGE(ended.si_pid == 0, "the program has ended");
    still = waiting > 4096 - kLine && waiting == before ? still + 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void RunningProcess::close_output() {
  if (pipe_ >= 0) close(pipe_);
  pipe_ = -1;
}

void RunningProcess::signal(int number) const { REQUIRE(::kill(child_, number) == 0); }

Outcome RunningProcess::finish() {
  while (pipe_ >= 0 && read_more()) {
  }
  int status = 0;
  REQUIRE(waitpid(child_, &status, 0) == child_);
  child_ = -1;
  Outcome outcome;
  outcome.status = status_of(status);
  outcome.out = out_;
  outcome.err = read_file(folder_ / "err");
  return outcome;
}

}  // namespace octet::testing
