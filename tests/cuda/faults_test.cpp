// A GPU that fails in the middle of a run: cuDNN's forward pass is replaced by faulty_cudnn.cpp, which fails
// at the call that it is told to.
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;

namespace {

const std::string kShim = build_folder() + "/tests/libfaulty_cudnn.so";

// A call a step without dropout, and with more units than our own LSTM takes (cuda/lstm_layers.h): one epoch
// of 66 steps and its 22 batches of validation go well.
constexpr const char* kSecondEpoch = "100";

// Ends with 7 in the second epoch; the checkpoint of the first is there to go on from.
void check_fault(const std::string& mode, const std::string& word) {
  CAPTURE(mode);
  const Runs runs;
  const Arguments flags = {"--device", "cuda", "--dropout", "0", "--hidden", "136"};
  runs.trained("whole", flags);
  const Outcome failed = run_process(
      runs.train("run", flags),
      {"LD_PRELOAD=" + kShim, std::string("OCTET_FAULT_AT=") + kSecondEpoch, "OCTET_FAULT=" + mode});
  INFO(failed.err);
  CHECK(failed.status == 7);
  CHECK(failed.err.starts_with("octet: "));
  CHECK(std::count(failed.err.begin(), failed.err.end(), '\n') == 1);
  CHECK(failed.err.find(word) != std::string::npos);
  CHECK(failed.out.find("epoch 2/3  step") != std::string::npos);  // it failed when it was told to
  const Outcome resumed = run_octet({"train", "--resume", runs.path("run")});
  INFO(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(resumed.out.find("goes on behind epoch 1, step 0") != std::string::npos);
  check_same_run(runs.path("whole"), runs.path("run"));
}

}  // namespace

TEST_CASE("a call of cuDNN that fails ends the run with the op's name, and the last checkpoint is good") {
  check_fault("status", "lstm");
}

TEST_CASE("a kernel that breaks the device's context ends the run with the op that meets it") {
  check_fault("crash", "lstm");
}

TEST_CASE("a broken context that is met later ends the run with one sentence all the same") {
  check_fault("crash-unseen", "failed");
}

TEST_CASE("a shim that is never told to fail changes nothing") {
  const Runs runs;
  runs.trained("whole", {"--device", "cuda"});
  const Outcome outcome = run_process(runs.train("shim", {"--device", "cuda"}), {"LD_PRELOAD=" + kShim});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  check_same_run(runs.path("whole"), runs.path("shim"));
}
