// A run that was stopped, killed or refused, and goes on: it must end as if it had never stopped.
#include "tests/tools/stopped_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

TEST_CASE("a run stopped in the middle of an epoch goes on to the bytes of a run that never stopped") {
  const Runs runs;
  struct Case {
    const char* name;
    Arguments flags;
  };
  const Case cases[] = {
      {"fp32", {"--state", "fp32", "--schedule", "linear", "--warmup-steps", "70"}},
      {"bf16", {"--state", "bf16", "--clip-norm", "0.3"}},
      {"blockwise8",
       {"--state", "blockwise8", "--min-8bit-size", "0", "--schedule", "linear", "--warmup-steps", "20",
        "--clip-norm", "0.3", "--optimizer", "adamw", "--weight-decay", "0.1"}},
      {"weights", {"--weight-dtype", "bf16", "--min-8bit-size", "100", "--state", "blockwise8"}},
      {"features",
       {"--state", "blockwise8", "--optimizer", "adamw", "--weight-decay", "0.1", "--no-decay",
        "norm-and-bias", "--clip-value", "0.01", "--clip-percentile", "60", "--accumulate", "2", "--ema",
        "0.9", "--embedding-layer", "stable"}}};
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::string name = c.name, whole = runs.path(name), parts = runs.path(name + "-parts");
    runs.trained(name, c.flags);
    const Outcome first = stopped(runs.train(name + "-parts", c.flags), "epoch 1/3  step 7/", SIGINT);
    CHECK(first.status == 130);
    CHECK(first.out.find("stopped; go on with: octet train --resume " + parts) != std::string::npos);
    CHECK(first.err.find("finishing the step and saving") != std::string::npos);
    const std::vector<Json> events = events_in(read_file(parts + "/log.jsonl"));
    CHECK(events.size() == 2);
    CHECK(events.back()["event"] == "end");
    CHECK(events.back()["status"] == "interrupted");
    CHECK(events.back()["epochs"] == 0);
    CHECK(events.back()["steps"].get<int>() >= 7);
    CHECK(events.back()["steps"].get<int>() < 66);

    const Outcome second = stopped(resume(parts), "epoch 3/3  step 9/", SIGTERM);
    CHECK(second.status == 143);
    CHECK(second.out.find("goes on behind epoch 0, step " + events.back()["steps"].dump()) !=
          std::string::npos);
    finish(parts);
    check_same_run(whole, parts);
  }
}

TEST_CASE("a run that was killed goes on from the end of the last epoch") {
  const Runs runs;
  const Arguments flags = {"--state", "blockwise8", "--min-8bit-size", "0", "--schedule", "cosine"};
  runs.trained("whole", flags);
  CHECK(stopped(runs.train("killed", flags), "epoch 3/3  step 4/", SIGKILL).status == 128 + SIGKILL);
  CHECK(events_in(runs.bytes("killed/log.jsonl")).size() == 3);  // the start and two epochs
  const Outcome outcome = run_process(resume(runs.path("killed")));
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("goes on behind epoch 2, step 0") != std::string::npos);
  check_same_run(runs.path("whole"), runs.path("killed"));
}

TEST_CASE("no run goes on in a folder that another one is at work in, a new one or a resumed one") {
  const Runs runs;
  const std::string folder = runs.path("run");
  for (const Arguments& at_work : {runs.train("run"), resume(folder)}) {
    RunningProcess process(at_work);
    CHECK(process.read_until("epoch 2/3  step "));
    process.wait_until_stuck();
    const std::string log = read_file(folder + "/log.jsonl");
    const Outcome outcome = run_process(resume(folder));
    CHECK(outcome.status == 2);
    CHECK(outcome.err ==
          "octet: " + folder + ": another octet train is at work in this folder; wait for it or stop it\n");
    CHECK(read_file(folder + "/log.jsonl") == log);
    process.signal(SIGINT);
    CHECK(process.finish().status == 130);
  }
  finish(folder);
}

TEST_CASE("a run that was killed in its first epoch begins anew") {
  const Runs runs;
  runs.trained("whole");
  CHECK(stopped(runs.train("killed"), "epoch 1/3  step 4/", SIGKILL).status == 128 + SIGKILL);
  CHECK(run_process(runs.train("killed")).status == 2);  // the folder is taken
  finish(runs.path("killed"));
  check_same_run(runs.path("whole"), runs.path("killed"));
}

TEST_CASE("a run killed between its log line and its checkpoint does the epoch again, once in the log") {
  const Runs runs;
  runs.trained("whole");
  CHECK(stopped(runs.train("killed"), "epoch 2/3  step 4/", SIGKILL).status == 128 + SIGKILL);
  const std::string log = runs.bytes("killed/log.jsonl");
  const std::string whole = runs.bytes("whole/log.jsonl");
  size_t at = 0;  // of the epoch line that the checkpoint does not know
  for (int line = 0; line < 2; ++line) at = whole.find('\n', at) + 1;
  write_file(runs.path("killed/log.jsonl"),
             log + whole.substr(at, whole.find('\n', at) + 1 - at) + "{\"event\":\"ep");
  finish(runs.path("killed"));
  check_same_run(runs.path("whole"), runs.path("killed"));
}

TEST_CASE("a second Ctrl-C ends the program at once and the last checkpoint stays good") {
  const Runs runs;
  runs.trained("whole");
  RunningProcess process(runs.train("run"));
  CHECK(process.read_until("epoch 2/3  step 4/"));
  process.wait_until_stuck();  // so that it does not come to save in between
  process.signal(SIGINT);
  process.signal(SIGTERM);
  const int status = process.finish().status;
  CHECK((status == 130 || status == 143));                    // of two that wait, either may come first
  CHECK(events_in(runs.bytes("run/log.jsonl")).size() == 2);  // the start and an epoch, no end
  finish(runs.path("run"));
  check_same_run(runs.path("whole"), runs.path("run"));
}

TEST_CASE("resuming a finished run changes nothing") {
  const Runs runs;
  runs.trained("run");
  fs::copy(runs.path("run"), runs.path("copy"));
  finish(runs.path("copy"));
  check_same_run(runs.path("run"), runs.path("copy"));
  const std::string config = runs.bytes("copy/config.toml");
  const Outcome other = run_process(resume(runs.path("copy"), {"--state", "bf16"}));
  CHECK(other.status == 2);
  CHECK(other.err.find("the run is finished, so its weights and state stay as they are; leave --state out") !=
        std::string::npos);
  CHECK((runs.bytes("copy/config.toml") == config));
  check_same_run(runs.path("run"), runs.path("copy"));
}

TEST_CASE("a resumed run may change threads and what it shows, and where it logs") {
  const Stopped run;
  run.runs.trained("whole");
  const Outcome outcome =
      run_process(resume(run.folder, {"--threads", "1", "--log-every", "0", "--json", "--data",
                                      run.runs.data(), "--log", run.runs.path("new.jsonl")}));
  CHECK(outcome.status == 0);
  CHECK((run.runs.bytes("run/last.safetensors") == run.runs.bytes("whole/last.safetensors")));
  CHECK((run.runs.bytes("run/best.safetensors") == run.runs.bytes("whole/best.safetensors")));
  const std::vector<Json> events = events_in(run.runs.bytes("new.jsonl")),
                          all = comparable(run.runs.bytes("whole/log.jsonl")),
                          last = comparable(run.runs.bytes("new.jsonl"));
  CHECK(outcome.out == run.runs.bytes("new.jsonl"));
  REQUIRE(events.size() == 4);  // start, two epochs, end
  CHECK(events[0]["resume"] == run.folder);
  CHECK(events[0]["threads"] == 1);
  // Answers and end; the memory of a step was logged before the stop.
  CHECK(last[last.size() - 2] == all[all.size() - 2]);
  CHECK(last.back() == all.back());
}

TEST_CASE("a resumed run refuses settings that would change its numbers, by name") {
  const Stopped run;
  const std::pair<const char*, const char*> changes[] = {
      {"--lr", "0.1"},           {"--accumulate", "2"},
      {"--epochs", "9"},         {"--ema", "0.9"},
      {"--clip-value", "1"},     {"--clip-percentile", "9"},
      {"--no-decay", "fc.bias"}, {"--embedding-layer", "stable"},
      {"--seed", "1"},           {"--hidden", "17"},
      {"--batch-size", "16"},    {"--clip-norm", "1"},
      {"--optimizer", "adamw"},  {"--dropout", "0"}};
  for (const auto& [flag, value] : changes)
    run.refused({flag, value}, 2, std::string("a resumed run keeps its settings, but ") + flag + " differs");
  run.refused({"--out", run.runs.path("other")}, 2, "a resumed run stays in its folder");
  run.refused({"--lr", "nan"}, 2, "--lr nan: must be greater than 0");
  CHECK(run_process(resume(run.folder,
                           {"--lr", "0.003", "--out", run.folder, "--config", run.folder + "/config.toml"}))
            .status == 0);
}
