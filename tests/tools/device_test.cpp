// A CUDA device that is asked for where there is none.
#include "core/backend.h"
#include "core/error.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

bool has_gpu() {
  try {
    backend(Device::cuda());
    return true;
  } catch (const Error&) {
    return false;
  }
}

// One sentence that says what is missing, and what else can be done.
void check_no_device(const Outcome& outcome) {
  INFO(outcome.err);
  CHECK(outcome.status == 7);
  CHECK(outcome.err.starts_with("octet: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  bool named = false;
  for (const char* part : {"no CUDA backend", "cannot be loaded", "driver", "no NVIDIA GPU"})
    named |= outcome.err.find(part) != std::string::npos;
  CHECK(named);
  CHECK(outcome.out.empty());
}

}  // namespace

TEST_CASE("training on a CUDA device that is not there exits 7 with one sentence and leaves nothing behind") {
  if (has_gpu()) return skip_case("there is a CUDA device here");
  const Runs runs;
  check_no_device(run_process(runs.train("run", {"--device", "cuda"})));
  CHECK(!fs::exists(runs.path("run")));
  runs.trained("run", {"--epochs", "1"});
  check_no_device(run_octet({"eval", runs.path("run"), "--device", "cuda"}));
  check_no_device(run_octet({"predict", runs.path("run"), "--device", "cuda", "text"}));
}

TEST_CASE("a benchmark on a CUDA device that is not there exits 7 with one sentence") {
  if (has_gpu()) return skip_case("there is a CUDA device here");
  check_no_device(
      run_octet({"bench", "optimizer", "--device", "cuda", "--params", "5000", "--repeats", "1"}));
}

TEST_CASE("a precision that only a CUDA device has is refused on the CPU") {
  const Runs runs;
  for (const char* precision : {"tf32", "bf16"}) {
    const Outcome outcome = run_process(runs.train("run", {"--precision", precision}));
    INFO(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(std::string("--precision ") + precision) != std::string::npos);
    CHECK(outcome.err.find("cuda") != std::string::npos);
    CHECK(!fs::exists(runs.path("run")));
  }
}
