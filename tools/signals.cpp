#include "tools/signals.h"

#include <unistd.h>
#include <csignal>
#include <cstring>

#include <atomic>

#include "core/error.h"

namespace octet::tools {
namespace {

// A signal handler has no argument of ours, hence a global; nothing else reads or writes it.
std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free);
bool watching = false;
struct sigaction old_interrupt, old_terminate;

void on_signal(int number) {
  int none = 0;
  if (!received.compare_exchange_strong(none, number)) _exit(128 + number);
  static constexpr char note[] = "\nfinishing the step and saving; once more ends at once\n";
  // Nothing can be done if the terminal is gone.
  [[maybe_unused]] const ssize_t written = write(2, note, sizeof note - 1);
}

}  // namespace

SignalWatch::SignalWatch() {
  require(!watching, ErrorKind::Internal, "SignalWatch: there is one already");
  watching = true;
  received = 0;
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // a write in progress goes on
  sigaction(SIGINT, &action, &old_interrupt);
  sigaction(SIGTERM, &action, &old_terminate);
}

SignalWatch::~SignalWatch() {
  sigaction(SIGINT, &old_interrupt, nullptr);
  sigaction(SIGTERM, &old_terminate, nullptr);
  watching = false;
}

int SignalWatch::signal() const { return received; }

}  // namespace octet::tools
