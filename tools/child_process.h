// The program itself as another process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace octet::tools {

// A running `octet` with these arguments. It is not reached by Ctrl-C at the terminal, which is the parent's
// to pass on, and gets SIGTERM where the parent dies. What it writes goes to the end of the file `output`.
// Errors (Internal): it cannot be started.
class ChildProcess {
 public:
  ChildProcess(const std::vector<std::string>& arguments, const std::string& output);
  ~ChildProcess();  // where it still runs, ends it and waits for that
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  // Its exit code, 128 + n where signal n ended it; nothing while it runs.
  std::optional<int> ended();
  void terminate() const;  // SIGTERM

 private:
  pid_t id_ = -1;
  std::optional<int> code_;
};

// A file that one process and its children hold; it is free again when all of them are gone.
class SharedLock {
 public:
  // Waits up to `seconds`. Errors: Usage if others hold it still, Internal if the file cannot be made.
  SharedLock(const std::string& path, double seconds);
  ~SharedLock();
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace octet::tools
