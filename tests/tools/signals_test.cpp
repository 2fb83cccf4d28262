#include "tools/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::tools;

namespace {

// What a child does that is sent `first` and then, if not 0, `second` in the middle of its work; returns the
// exit code.
int exit_code_after(int first, int second) {
  const pid_t child = fork();
  if (child == 0) {
    close(2);  // its note to the user
    const SignalWatch watch;
    if (watch.stop_requested()) _exit(99);
    raise(first);
    if (second) raise(second);
    _exit(watch.stop_requested() ? watch.exit_code() + 100 : 98);  // "saved", then the code
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("the first Ctrl-C or SIGTERM lets the program save and exit 130 or 143") {
  CHECK(exit_code_after(SIGINT, 0) == 130 + 100);
  CHECK(exit_code_after(SIGTERM, 0) == 143 + 100);
}

TEST_CASE("a second signal ends the program at once") {
  CHECK(exit_code_after(SIGINT, SIGINT) == 130);
  CHECK(exit_code_after(SIGINT, SIGTERM) == 143);
  CHECK(exit_code_after(SIGTERM, SIGTERM) == 143);
}

TEST_CASE("a watch restores what was set before and a new one starts clean") {
  struct sigaction before, after;
  sigaction(SIGINT, nullptr, &before);
  {
    const SignalWatch watch;
    raise(SIGINT);
    CHECK(watch.signal() == SIGINT);
    CHECK(watch.exit_code() == 130);
  }
  sigaction(SIGINT, nullptr, &after);
  CHECK((before.sa_handler == after.sa_handler));
  const SignalWatch again;
  CHECK(!again.stop_requested());
  CHECK(again.exit_code() == 0);
  CHECK_ERROR(ErrorKind::Internal, "there is one already", SignalWatch());
}
