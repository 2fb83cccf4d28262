#include "tools/child_process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"

namespace octet::tools {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

// Between fork and exec: nothing but system calls, as another thread of the parent may hold a lock.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(143);  // it died before the line above
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, 0);
  dup2(output, 1);
  dup2(output, 2);
  execv(kSelf, arguments);
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const std::string& output) {
  std::vector<std::string> words = {"octet"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  require(file >= 0, ErrorKind::Internal, output, ": cannot write: ", std::strerror(errno));
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ == 0) become(pointers.data(), file, parent);
  const int reason = errno;
  close(file);
  require(id_ > 0, ErrorKind::Internal, "cannot start another octet: ", std::strerror(reason));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : id_(std::exchange(other.id_, -1)), code_(other.code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(code_, other.code_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (id_ < 0 || code_) return;
  kill(id_, SIGTERM);
  while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::ended() {
  int status = 0;
  if (code_ || waitpid(id_, &status, WNOHANG) != id_) return code_;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return code_;
}

void ChildProcess::terminate() const {
  if (!code_) kill(id_, SIGTERM);
}

// The children inherit the open file, hence no O_CLOEXEC.
SharedLock::SharedLock(const std::string& path, double seconds)
    : file_(open(path.c_str(), O_RDWR | O_CREAT, 0666)) {
  require(file_ >= 0, ErrorKind::Internal, path, ": cannot write: ", std::strerror(errno));
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(seconds);
  while (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason == EINTR) continue;
    if (reason == EWOULDBLOCK && Clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    close(file_);
    require(reason == EWOULDBLOCK, ErrorKind::Internal, path, ": cannot lock: ", std::strerror(reason));
    fail(ErrorKind::Usage, path,
         ": runs of another octet reproduce are at work in this folder; wait for it, or name another --out");
  }
}

SharedLock::~SharedLock() { close(file_); }

}  // namespace octet::tools
