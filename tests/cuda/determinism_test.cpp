// Runs of the program with the same seed end with the same bytes on the GPU, stopped and resumed or not.
#include <csignal>
#include <memory>

#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;

namespace {

constexpr int kRuns = 20, kAtOnce = 5;

// As many messages as the SMS collection has, and the experiment's model: odd shapes, dropout, embeddings.
Arguments whole_model(const Runs& runs, const std::string& out, const Arguments& more) {
  return Arguments{octet_program(), "train", "sms",      "--data", runs.data(), "--out", runs.path(out),
                   "--epochs",      "1",     "--device", "cuda",   "--threads", "2"} +
         more;
}

}  // namespace

TEST_CASE("twenty runs of the same seed end with byte-identical weights and state") {
  const Runs runs(small_corpus(5574));
  for (const std::string state : {"fp32", "blockwise8"}) {
    CAPTURE(state);
    for (int first = 0; first < kRuns; first += kAtOnce) {
      std::vector<std::unique_ptr<RunningProcess>> together;
      for (int i = first; i < first + kAtOnce; ++i)
        together.push_back(std::make_unique<RunningProcess>(
            whole_model(runs, state + std::to_string(i), {"--state", state})));
      for (const auto& process : together) {
        const Outcome outcome = process->finish();
        INFO(outcome.err);
        REQUIRE(outcome.status == 0);
      }
    }
    const std::string weights = runs.bytes(state + "0/last.safetensors");
    for (int i = 1; i < kRuns; ++i) {
      CAPTURE(i);
      CHECK((runs.bytes(state + std::to_string(i) + "/last.safetensors") == weights));
      check_same_checkpoint(runs.path(state + "0/last.ckpt.safetensors"),
                            runs.path(state + std::to_string(i) + "/last.ckpt.safetensors"));
    }
  }
}

TEST_CASE("another seed ends with other weights") {
  const Runs runs;
  runs.trained("one", {"--device", "cuda"});
  runs.trained("two", {"--device", "cuda", "--seed", "7"});
  CHECK((runs.bytes("one/last.safetensors") != runs.bytes("two/last.safetensors")));
}

TEST_CASE("a run on the GPU that was stopped goes on to the bytes of a run that never stopped") {
  const Runs runs;
  for (const std::string state : {"fp32", "blockwise8"}) {
    CAPTURE(state);
    const Arguments flags = {"--device", "cuda",        "--state", state,        "--min-8bit-size",
                             "0",        "--clip-norm", "0.3",     "--schedule", "linear"};
    const std::string parts = runs.path(state + "-parts");
    runs.trained(state, flags);
    RunningProcess process(runs.train(state + "-parts", flags));
    CHECK(process.read_until("epoch 2/3  step 7/"));
    process.signal(SIGINT);
    CHECK(process.finish().status == 130);
    const Outcome resumed = run_octet({"train", "--resume", parts});
    INFO(resumed.err);
    REQUIRE(resumed.status == 0);
    check_same_run(runs.path(state), parts);
  }
}

TEST_CASE("reading losses seldom does not change what is learned") {
  const Runs runs;
  runs.trained("each", {"--device", "cuda"});
  runs.trained("seldom", {"--device", "cuda", "--log-every", "0"});
  CHECK((runs.bytes("each/last.safetensors") == runs.bytes("seldom/last.safetensors")));
}
