// A run that was stopped, killed or refused, and goes on: it must end as if it had never stopped.
#include <csignal>
#include <limits>

#include "core/safetensors.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

// Starts a run, or goes on with one, and sends it `number` once it has written `marker`. A step writes a line
// and the pipe to us holds 4096 bytes, about 30 lines, so it stops within that many steps: in the same epoch
// of 66 where the marker is an early step.
Outcome stopped(const Arguments& arguments, const std::string& marker, int number) {
  RunningProcess process(arguments);
  CHECK(process.read_until(marker));
  process.signal(number);
  return process.finish();
}

Arguments resume(const std::string& folder, const Arguments& more = {}) {
  return Arguments{octet_program(), "train", "--resume", folder} + more;
}

void finish(const std::string& folder) {
  const Outcome outcome = run_process(resume(folder));
  INFO(outcome.err);
  CHECK(outcome.status == 0);
}

// The checkpoint of a run of two epochs, of which the second was stopped.
struct Stopped {
  Runs runs;
  std::string folder = runs.path("run"), checkpoint = folder + "/last.ckpt.safetensors";
  Stopped() { REQUIRE(stopped(runs.train("run"), "epoch 2/3  step 5/", SIGINT).status == 130); }
  // Resuming fails with this code and a message that holds this text, and leaves the folder as it was.
  void refused(const Arguments& more, int status, const std::string& text) const {
    const std::string log = read_file(folder + "/log.jsonl"), before = read_file(checkpoint);
    const Outcome outcome = run_process(resume(folder, more));
    CHECK(outcome.status == status);
    CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
    CHECK(outcome.err.starts_with("octet: "));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK(read_file(folder + "/log.jsonl") == log);
    CHECK((read_file(checkpoint) == before));
  }
  // Goes on within the second epoch, and returns what was said.
  std::string go_on(const Arguments& more) const {
    const Outcome outcome = stopped(resume(folder, more), "epoch 2/3  step ", SIGINT);
    INFO(outcome.err);
    CHECK(outcome.status == 130);
    return outcome.out;
  }
};

}  // namespace

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

TEST_CASE("a run that lost its log and is killed soon after it went on, goes on again") {
  const Stopped run;
  fs::remove(run.folder + "/log.jsonl");
  CHECK(stopped(resume(run.folder), "epoch 2/3  step ", SIGKILL).status == 128 + SIGKILL);
  finish(run.folder);
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

TEST_CASE("a resumed run converts its optimizer state to the codec it is given, says so, and keeps that") {
  const Stopped run;
  const auto starts = [&] {
    int count = 0;
    for (const Json& event : events_in(run.runs.bytes("run/log.jsonl"))) count += event["event"] == "start";
    return count;
  };
  CHECK(run.go_on({}).find("converted") == std::string::npos);
  CHECK(starts() == 1);
  CHECK(run.go_on({"--state", "blockwise8", "--min-8bit-size", "0"})
            .find("optimizer state converted from fp32 to blockwise8 (19 of 19 tensors)\n") !=
        std::string::npos);
  CHECK(starts() == 2);
  CHECK(run.go_on({}).find("converted") == std::string::npos);
  CHECK(run.go_on({"--min-8bit-size", "1000"}).find("converted from blockwise8 to fp32 (") !=
        std::string::npos);
  CHECK(run.go_on({"--block-size", "64", "--min-8bit-size", "0"})
            .find("blockwise8 in blocks of 256 to blockwise8 in blocks of 64 (") != std::string::npos);
  CHECK(run.go_on({"--state-override", "fc.*=bf16"}).find("from blockwise8 to bf16 (2 of 19 tensors)") !=
        std::string::npos);
  const std::string text = run.runs.bytes("run/config.toml");
  CHECK(text.find("state = \"blockwise8\"\n") != std::string::npos);
  CHECK(text.find("state_override = [\"fc.*=bf16\"]\n") != std::string::npos);
  CHECK(text.find("resume = \"\"\n") != std::string::npos);  // or it would not repeat the run
  run.refused({"--state-override", "nothing=bf16"}, 2, "fits the pattern 'nothing'");
  finish(run.folder);
  CHECK(run_octet({"report", run.folder}).out.find("blockwise8") != std::string::npos);
  run.refused({"--state", "blockwise8", "--optimizer", "lion"}, 2, "--optimizer differs");
  run.refused({"--state", "blockwise9"}, 2, "did you mean 'blockwise8'?");
}

TEST_CASE("a resumed run converts its weights to the type that it is given, says so, and keeps that") {
  const Stopped run;
  const auto type_of = [&] { return read_safetensors(run.checkpoint).at("model.embedding.weight").dtype(); };
  CHECK(run.go_on({"--weight-dtype", "bf16", "--min-8bit-size", "100"})
            .find("weights converted from fp32 to bf16, rounded to nearest (9 of 19 tensors)\n") !=
        std::string::npos);
  CHECK(type_of() == DType::BF16);
  CHECK(run.go_on({}).find("converted") == std::string::npos);
  const std::string rounded = run.go_on({"--weight-rounding", "nearest"});
  CHECK(rounded.find("converted") == std::string::npos);
  CHECK(rounded.find("--weight-rounding nearest, it was stochastic\n") != std::string::npos);
  CHECK(run.runs.bytes("run/config.toml").find("weight_rounding = \"nearest\"\n") != std::string::npos);
  CHECK(
      run.go_on({"--weight-dtype", "fp32"}).find("weights converted from bf16 to fp32 (9 of 19 tensors)\n") !=
      std::string::npos);
  CHECK(type_of() == DType::F32);
  finish(run.folder);
  CHECK(run_octet({"eval", run.folder}).status == 0);
  run.refused({"--weight-dtype", "bf16"}, 2, "leave --weight-dtype out");
}

TEST_CASE(
    "a run that was killed after a conversion and before its next checkpoint has converted all the same") {
  const Stopped run;
  const std::string killed = run.runs.path("killed"), text = "converted from fp32 to blockwise8 (19 of 19";
  fs::copy(run.folder, killed);
  const Arguments flags = {"--state", "blockwise8", "--min-8bit-size", "0"};
  CHECK(stopped(resume(killed, flags), "epoch 2/3  step ", SIGKILL).out.find(text) != std::string::npos);
  // Nor does it matter if that came before the new settings were in config.toml.
  write_file(killed + "/config.toml", read_file(run.folder + "/config.toml"));
  const Outcome again = run_process(resume(killed));
  CHECK(again.status == 0);
  CHECK(again.out.find("converted") == std::string::npos);
  CHECK(read_file(killed + "/config.toml").find("state = \"blockwise8\"\n") != std::string::npos);
  CHECK(run_process(resume(run.folder, flags)).status == 0);
  check_same_run(run.folder, killed);
}

TEST_CASE("the memory of a run that was converted is what it needs since then") {
  const Stopped run;
  finish(run.folder);
  const auto peak = [](const std::string& folder) {
    return events_in(read_file(folder + "/log.jsonl")).back()["max_by_tag"]["optimizer_state"].get<int64_t>();
  };
  const Stopped other;
  CHECK(run_process(resume(other.folder, {"--state", "blockwise8", "--min-8bit-size", "0"})).status == 0);
  CHECK(peak(other.folder) < 0.3 * static_cast<double>(peak(run.folder)));
}

TEST_CASE("a resumed run that has lost its best weights says so and keeps the best from there on") {
  const Stopped run;
  const std::string best = run.folder + "/best.safetensors";
  fs::remove(best);
  const Outcome outcome = run_process(resume(run.folder));
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find(best + " is missing, the weights of epoch 1: those of the best epoch from here") !=
        std::string::npos);
  CHECK(fs::exists(best));
  CHECK(run_octet({"eval", run.folder}).status == 0);
}

TEST_CASE(
    "a resumed run mends a lost or damaged config.toml and a lost log, and refuses a log that was cut") {
  const Stopped run;
  const std::string config = run.folder + "/config.toml", log = run.folder + "/log.jsonl";
  const std::string lines = read_file(log);
  write_file(log, lines.substr(0, lines.size() / 2));
  run.refused({}, 3, "the log is cut short");
  write_file(log, lines);
  for (const bool lost : {true, false}) {
    const std::string copy = run.runs.path(lost ? "lost" : "damaged");
    fs::copy(run.folder, copy);
    if (lost) {
      fs::remove(copy + "/config.toml");
      fs::remove(copy + "/log.jsonl");
    } else {
      write_file(copy + "/config.toml", read_file(config).substr(0, 700));
    }
    finish(copy);
    CHECK(run_octet({"report", copy}).status == 0);
    CHECK(run_octet({"eval", copy, "--data", run.runs.data()}).status == 0);
  }
}

TEST_CASE("other data and another vocabulary exit 6 with both hashes") {
  const Stopped run;
  const std::string old = events_in(read_file(run.folder + "/log.jsonl"))[0]["data_sha256"];
  write_file(run.runs.path("other.txt"), small_corpus(700, 2));
  run.refused(
      {"--data", run.runs.path("other.txt")}, 6,
      "the run was trained on other data (SHA-256 " + old + "), " + run.runs.path("other.txt") + " has ");
  const std::string vocabulary = run.runs.bytes("run/vocab.txt");
  write_file(run.folder + "/vocab.txt", vocabulary + "one-more-word\n");
  run.refused({}, 6, "another vocabulary (");
  fs::remove(run.folder + "/vocab.txt");
  run.refused({}, 6, "vocab.txt: is missing; put it back, or copy the one that octet train --config");
  // As it says.
  REQUIRE(run_octet({"train", "--config", run.folder + "/config.toml", "--epochs", "1", "--out",
                     run.runs.path("again")})
              .status == 0);
  CHECK(run.runs.bytes("again/vocab.txt") == vocabulary);
  write_file(run.folder + "/vocab.txt", vocabulary);
  run.refused({"--data", run.runs.path("gone.txt")}, 3, run.runs.path("gone.txt"));
}

TEST_CASE(
    "numbers in a checkpoint that no run leaves behind exit 6 with the tensor's name, and cost nothing") {
  const Stopped run;
  const TensorFile good = read_safetensors(run.checkpoint);
  // Changes the first element of the first tensor with this end of its name.
  const auto refused = [&](const std::string& end, auto value, const std::string& text) {
    TensorFile file = good;
    std::string name;
    for (auto& [key, tensor] : file.tensors) {
      if (!name.empty() || !key.ends_with(end)) continue;
      name = key;
      tensor = tensor.clone(MemoryTag::Data);
      tensor.template span<decltype(value)>()[0] = value;
    }
    REQUIRE(!name.empty());
    INFO(name);
    write_file(run.checkpoint, format_safetensors(file));
    run.refused({}, 6, text);
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  refused("fc.bias.exp_avg_sq", -1.0f,
          "last.ckpt.safetensors: optimizer state 'fc.bias.exp_avg_sq' is damaged: it is never negative, but "
          "element 0 is -1");
  refused("model.fc.bias", kNan, "last.ckpt.safetensors: model.fc.bias is of no use: element 0 is nan; put ");
  refused("model.embedding.weight", -kInf, "model.embedding.weight is of no use: element 0 is -inf");
  refused("fc.bias.exp_avg", kNan, "'fc.bias.exp_avg' is damaged: element 0 is nan");
  refused("fc.bias.exp_avg_sq", kInf, "'fc.bias.exp_avg_sq' is damaged: element 0 is inf");
  refused("optimizer.step", int64_t{3}, "the counters of the optimizer are damaged: 3 steps and 0 skipped");
  refused("optimizer.step", std::numeric_limits<int64_t>::max(), "the counters of the optimizer are damaged");
  refused("optimizer.skipped_steps", int64_t{1} << 40, "the counters of the optimizer are damaged");
  TensorFile file = good;
  for (const char* bytes : {"10", "0", "1"}) {
    file.metadata["log_bytes"] = bytes;
    write_file(run.checkpoint, format_safetensors(file));
    run.refused({}, 6, "log.jsonl: the run's checkpoint would go on behind byte ");
  }
  write_file(run.checkpoint, format_safetensors(good));
  finish(run.folder);
}

TEST_CASE("a checkpoint that is missing, cut short, damaged or of another kind exits 6") {
  const Stopped run;
  const std::string good = read_file(run.checkpoint);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    const size_t at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    return bytes.replace(at, from.size(), to);
  };
  const std::pair<std::string, std::string> damages[] = {
      {"", "too few for a safetensors file"},
      {good.substr(0, 5), "too few for a safetensors file"},
      {good.substr(0, 300), "cut short"},
      {good.substr(0, good.size() - 1), "it is cut short or damaged; put a copy back, or train anew"},
      {std::string(4096, 'x'), "not a safetensors file"},
      {std::string(4096, '\0'), "the header is not JSON"},
      {replaced("octet checkpoint 1", "octet checkpoint 9"), "of format 'octet checkpoint 9'"},
      {replaced("\"log_bytes\"", "\"log_bytez\""), "no log_bytes in the metadata"},
      {replaced("\\\"hidden\\\":16", "\\\"hidden\\\":-6"), "hidden"},
      {replaced("\\\"hidden\\\"", "\\\"hidxen\\\""), "unknown field 'hidxen'"},
      {replaced("\\\"epoch\\\":1", "\\\"epoch\\\":7"), "the counters of the run are damaged"},
      {replaced("\\\"best_epoch\\\"", "\\\"best_epocx\\\""), "the counters of the run are damaged"},
      {replaced("\"model.", "\"modem."), ""},
      {replaced("optimizer.step\"", "optimizer.stop\""), ""},
      {replaced("\"F32\"", "\"F99\""), ""},
      {replaced("\"shape\":[", "\"shape\":{"), "the header is not JSON"},
  };
  for (const auto& damage : damages) {
    CAPTURE(damage.second);
    write_file(run.checkpoint, damage.first);
    run.refused({}, 6, damage.second);
  }
  fs::remove(run.checkpoint);
  const Outcome outcome = run_process(resume(run.folder));
  CHECK(outcome.status == 6);
  CHECK(outcome.err.find("last.ckpt.safetensors: no such checkpoint; --resume takes the --out folder") !=
        std::string::npos);
  CHECK(run_process(resume(run.runs.path("never"))).status == 6);
}
