// Ctrl-C and SIGTERM: the first one asks the run to finish its step and save, a second one ends it at once.
#pragma once

namespace octet::tools {

// While an object lives, SIGINT and SIGTERM set a flag that the training loop asks for after each step. One
// at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();  // restores what was set before
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  bool stop_requested() const { return signal() != 0; }
  int signal() const;                                              // SIGINT, SIGTERM, or 0 while none came
  int exit_code() const { return signal() ? 128 + signal() : 0; }  // 130, 143, or 0
};

}  // namespace octet::tools
