// octet train: what it writes, and that it is reproducible.
#include <fstream>

#include "core/safetensors.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* kTags[] = {"weights",     "gradients", "optimizer_state",
                                 "activations", "workspace", "data"};

int64_t sum_of_tags(const Json& bytes) {
  CHECK(bytes.size() == std::size(kTags));
  int64_t sum = 0;
  for (const char* tag : kTags) sum += bytes.at(tag).get<int64_t>();
  return sum;
}

std::vector<std::string> keys_of(const Json& event) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : event.items()) keys.push_back(key);
  return keys;
}

// Everything that the README promises of a finished run's events.
void check_events(const std::vector<Json>& events, int64_t epochs, int64_t steps) {
  REQUIRE(static_cast<int64_t>(events.size()) == epochs + 2);
  const Json& start = events.front();
  CHECK(start.at("event") == "start");
  for (const char* key : {"task", "optimizer", "state", "epochs", "seed", "device", "lr", "batch_size",
                          "build", "threads", "data_source", "data_sha256", "train_rows", "validation_rows",
                          "vocabulary", "parameters", "state_bytes"})
    CHECK_MESSAGE(start.contains(key), key);
  double best = INFINITY;
  int64_t best_epoch = 0;
  for (int64_t i = 1; i <= epochs; ++i) {
    const Json& epoch = events[static_cast<size_t>(i)];
    CHECK(keys_of(epoch) == std::vector<std::string>{"event", "epoch", "train_loss", "val_loss",
                                                     "val_accuracy", "seconds", "train_seconds", "peak_bytes",
                                                     "peak_by_tag", "macro_f1", "weighted_f1"});
    CHECK(epoch["event"] == "epoch");
    CHECK(epoch["epoch"] == i);
    CHECK(epoch["train_loss"].get<double>() > 0);
    CHECK(epoch["val_accuracy"].get<double>() <= 1);
    CHECK(epoch["seconds"].get<double>() >= epoch["train_seconds"].get<double>());
    CHECK(sum_of_tags(epoch["peak_by_tag"]) == epoch["peak_bytes"].get<int64_t>());
    if (epoch["val_loss"].get<double>() < best) best = epoch["val_loss"].get<double>(), best_epoch = i;
  }
  const Json &end = events.back(), &last = events[events.size() - 2];
  CHECK(keys_of(end) == std::vector<std::string>{"event", "status", "epochs", "steps", "val_loss",
                                                 "val_accuracy", "best_epoch", "seconds", "peak_bytes",
                                                 "peak_by_tag", "max_by_tag", "other_seconds"});
  CHECK(end["event"] == "end");
  CHECK(end["status"] == "ok");
  CHECK(end["epochs"] == epochs);
  CHECK(end["steps"] == steps);
  CHECK(end["val_loss"] == last["val_loss"]);
  CHECK(end["val_accuracy"] == last["val_accuracy"]);
  CHECK(end["best_epoch"] == best_epoch);
  CHECK(sum_of_tags(end["peak_by_tag"]) == end["peak_bytes"].get<int64_t>());
  for (const char* tag : kTags)
    CHECK(end["max_by_tag"][tag].get<int64_t>() >= end["peak_by_tag"][tag].get<int64_t>());
}

}  // namespace

TEST_CASE("a run fills its folder, and its log has the promised events and fields") {
  const Runs runs;
  const Outcome outcome = runs.trained("out");
  for (const char* name : {"config.toml", "vocab.txt", "best.safetensors", "last.safetensors",
                           "last.ckpt.safetensors", "log.jsonl", "report.html"})
    CHECK_MESSAGE(fs::file_size(runs.path("out") + "/" + name) > 0, name);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(runs.path("out"))) ++files;
  CHECK(files == 7);  // no temporary file is left

  const std::vector<Json> events = events_in(runs.bytes("out/log.jsonl"));
  check_events(events, 3, 3 * 66);
  CHECK(events[0]["data_source"] == runs.data());
  CHECK(events[0]["generated"] == false);
  CHECK(events[0]["train_rows"].get<int>() + events[0]["validation_rows"].get<int>() == 700);
  CHECK(events[0]["threads"] == 2);
  const TensorFile weights = read_safetensors(runs.path("out/last.safetensors"));
  int64_t parameters = 0;
  for (const auto& [name, tensor] : weights.tensors) parameters += tensor.numel();
  CHECK(events[0]["parameters"] == parameters);
  // The ledger counts what a tensor takes, up to the next cache line.
  const auto rounding = static_cast<int64_t>(64 * weights.tensors.size());
  const auto check_bytes = [&](const char* tag, int64_t bytes, int64_t tensors_each) {
    CAPTURE(tag);
    const auto held = events.back()["peak_by_tag"][tag].get<int64_t>();
    CHECK(held >= bytes);
    CHECK(held <= bytes + tensors_each * rounding);
  };
  check_bytes("weights", 4 * parameters, 1);
  check_bytes("gradients", 4 * parameters, 1);
  check_bytes("optimizer_state", 8 * parameters, 2);
  // It learns: messages of this generator can be told apart.
  CHECK(events[3]["train_loss"].get<double>() < events[1]["train_loss"].get<double>());
}

TEST_CASE("without a terminal progress is plain lines: no bar, no escape sequence, a line an epoch or step") {
  const Runs runs;
  const Outcome silent = runs.trained("a", {"--log-every", "0"});
  CHECK(silent.err.empty());
  CHECK(silent.out.find_first_of("\r\x1b") == std::string::npos);
  CHECK(silent.out.find("epoch 3/3  train loss ") != std::string::npos);
  CHECK(silent.out.find("step ") == std::string::npos);
  CHECK(silent.out.find("saved to " + runs.path("a")) != std::string::npos);
  CHECK(silent.out.find("generated") == std::string::npos);
  const Outcome chatty = runs.trained("b", {"--log-every", "33"});
  CHECK(chatty.out.find("epoch 2/3  step 33/66") != std::string::npos);
  CHECK(chatty.out.find("epoch 2/3  step 66/66") != std::string::npos);
  CHECK(chatty.out.find("step 32/66") == std::string::npos);
}

TEST_CASE("a terminal sees a bar with colors, which NO_COLOR takes away") {
  const Runs runs;
  const auto on_terminal = [&](const std::string& out, const Arguments& environment) {
    std::string command = "stty cols 150; exec";
    for (const std::string& argument : runs.train(out)) command += " " + argument;
    return run_process({"script", "-qec", command, "/dev/null"},
                       Arguments{"TERM=xterm", "NO_COLOR="} + environment);
  };
  const Outcome outcome = on_terminal("a", {});
  if (outcome.status == 127) return skip_case("there is no script(1) to make a terminal");
  INFO(outcome.out);
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("\r\x1b[Kepoch 1/3 [") != std::string::npos);
  CHECK(outcome.out.find("\x1b[32m") != std::string::npos);
  CHECK(outcome.out.find("eta ") != std::string::npos);
  CHECK(outcome.out.find("epoch 3/3  train loss ") != std::string::npos);
  const Outcome plain = on_terminal("b", {"NO_COLOR=1"});
  CHECK(plain.status == 0);
  CHECK(plain.out.find("\r\x1b[Kepoch 1/3 [") != std::string::npos);
  CHECK(plain.out.find("\x1b[32m") == std::string::npos);
}

TEST_CASE("--json puts the log's lines on standard output and nothing else, progress on standard error") {
  const Runs runs;
  const Outcome outcome = runs.trained("out", {"--json"});
  CHECK(outcome.out == runs.bytes("out/log.jsonl"));
  check_events(events_in(outcome.out), 3, 3 * 66);
  CHECK(outcome.err.find("epoch 3/3  train loss ") != std::string::npos);
}

TEST_CASE("--log writes the log elsewhere, and a path that cannot be written to exits 1") {
  const Runs runs;
  runs.trained("out", {"--log", runs.path("elsewhere.jsonl")});
  check_events(events_in(runs.bytes("elsewhere.jsonl")), 3, 3 * 66);
  CHECK(!fs::exists(runs.path("out/log.jsonl")));
  const Outcome outcome = run_process(runs.train("other", {"--log", runs.path("none/log.jsonl")}));
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "octet: " + runs.path("none/log.jsonl") + ": cannot write the log: No such file or directory\n");
}

TEST_CASE("a config file sets what flags do not, and an unknown key names the line and the nearest one") {
  const Runs runs;
  write_file(runs.path("run.toml"), "epochs = 1\nlr = 0.01\nstate = \"bf16\"\nbeta1 = 0.8\n");
  runs.trained("out", {"--config", runs.path("run.toml")});
  const Json start = events_in(runs.bytes("out/log.jsonl"))[0];
  CHECK(start["epochs"] == 3);  // a flag wins
  CHECK(start["lr"] == 0.003);  // likewise
  CHECK(start["state"] == "bf16");
  CHECK(start["beta1"] == 0.8);
  write_file(runs.path("wrong.toml"), "seed = 1\nbatch_sise = 3\n");
  const Outcome outcome = run_process(runs.train("b", {"--config", runs.path("wrong.toml")}));
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "octet: " + runs.path("wrong.toml") + ":2: unknown key 'batch_sise', did you mean 'batch_size'?\n");
  CHECK(run_process(runs.train("b", {"--config", runs.path("none.toml")})).status == 3);
  CHECK(!fs::exists(runs.path("b")));
}

TEST_CASE("config.toml of a run repeats it to the byte and does not write over it") {
  const Runs runs;
  runs.trained("a", {"--state",           "blockwise8", "--state-override", "embedding*=fp32",
                     "--optimizer",       "adamw",      "--weight-decay",   "0.01",
                     "--clip-norm",       "0.5",        "--schedule",       "cosine",
                     "--warmup-steps",    "10",         "--seed",           "5",
                     "--split-seed",      "6",          "--json",           "--log",
                     runs.path("a.jsonl")});
  const std::string config = runs.path("a/config.toml"), log = runs.bytes("a.jsonl");
  CHECK(run_octet({"train", "--config", config, "--out", runs.path("b")}).status == 0);
  CHECK((runs.bytes("a/last.safetensors") == runs.bytes("b/last.safetensors")));
  CHECK((runs.bytes("a/best.safetensors") == runs.bytes("b/best.safetensors")));
  CHECK(runs.bytes("a.jsonl") == log);
  std::vector<Json> first = comparable(log), second = comparable(runs.bytes("b/log.jsonl"));
  first[0].erase("json"), second[0].erase("json");
  CHECK(first == second);
}

TEST_CASE("the same seed gives the same bytes, whatever the number of threads; another seed others") {
  const Runs runs;
  for (const std::string state : {"fp32", "blockwise8"}) {
    CAPTURE(state);
    const auto train = [&](const std::string& name, const Arguments& more) {
      runs.trained(name + state, Arguments{"--state", state, "--min-8bit-size", "0"} + more);
      return runs.path(name + state);
    };
    const std::string first = train("first", {});
    check_same_run(first, train("again", {}));
    check_same_run(first, train("one", {"--threads", "1"}));
    check_same_run(first, train("three", {"--threads", "3"}));
    const std::string other = train("other", {"--seed", "2022"});
    CHECK((read_file(first + "/last.safetensors") != read_file(other + "/last.safetensors")));
    CHECK(read_file(first + "/vocab.txt") == read_file(other + "/vocab.txt"));
    const std::string split = train("split", {"--split-seed", "2022"});
    CHECK(read_file(first + "/vocab.txt") != read_file(split + "/vocab.txt"));
  }
}

TEST_CASE(
    "settings that the rule or the codec does not look at are named, and so is a rule that needs exact "
    "state") {
  const Runs runs;
  const auto says = [&](const char* name, const Arguments& flags) {
    const Outcome outcome = run_process(runs.train(name, Arguments{"--epochs", "1"} + flags));
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    return outcome.out;
  };
  CHECK(says("a", {}).find("no effect") == std::string::npos);
  const std::string sgd =
      says("b", {"--optimizer", "sgd", "--momentum", "0.9", "--nesterov", "--block-size", "64"});
  CHECK(sgd.find("no effect on sgd: --momentum, --nesterov\n") != std::string::npos);
  CHECK(sgd.find("no effect on sgd, which has no state: --block-size\n") != std::string::npos);
  const std::string old = says("c", {"--state", "blockwise8-v0.36", "--second-moment", "plain", "--rounding",
                                     "stochastic", "--block-size", "64"});
  CHECK(old.find("no effect on blockwise8-v0.36 state: --block-size, --second-moment, --rounding\n") !=
        std::string::npos);
  CHECK(
      says("h", {"--state", "blockwise8", "--beta2", "0.99999"})
          .find(
              "a decay of 0.99999 is too near 1 for blockwise8 state, which follows decays up to 0.99997") !=
      std::string::npos);
  const char* const near = "is too near 1 for";
  CHECK(says("k", {"--state-override", "embedding*=blockwise8", "--beta2", "0.99999"}).find(near) !=
        std::string::npos);
  CHECK(says("l", {"--state", "blockwise8", "--second-moment", "plain", "--beta2", "0.99999"}).find(near) ==
        std::string::npos);
  CHECK(says("m", {"--optimizer", "lion", "--state", "blockwise4", "--second-moment", "plain"})
            .find("no effect on blockwise4 state: --second-moment\n") != std::string::npos);
  CHECK(says("n", {"--optimizer", "lion", "--state", "blockwise8", "--second-moment", "plain"})
            .find("no effect") == std::string::npos);
  CHECK(says("o", {"--optimizer", "adagrad", "--state", "blockwise8", "--rounding", "stochastic"})
            .find("no effect on blockwise8 state: --rounding\n") != std::string::npos);
  CHECK(says("p", {"--optimizer", "sgd", "--state-override", "embedding*=blockwise8"})
            .find("no effect on sgd, which has no state: --state-override\n") != std::string::npos);
  CHECK(says("q", {"--optimizer", "adafactor", "--state", "blockwise8"})
            .find("adafactor keeps the second moment of matrices factored") != std::string::npos);
  CHECK(says("g", {"--state", "bf16", "--min-8bit-size", "64"})
            .find("no effect on bf16 state: --min-8bit-size\n") != std::string::npos);
  CHECK(says("i", {"--weight-rounding", "nearest"}).find("no effect on fp32 weights: --weight-rounding\n") !=
        std::string::npos);
  CHECK(says("j", {"--weight-rounding", "nearest", "--weight-dtype", "bf16", "--min-8bit-size", "64"})
            .find("no effect") == std::string::npos);
  CHECK(says("d", {"--state", "blockwise8", "--block-size", "64"}).find("no effect") == std::string::npos);
  const Arguments no_decay{"--no-decay", "norm-and-bias"};
  CHECK(says("e", no_decay).find("no effect without weight decay: --no-decay\n") != std::string::npos);
  CHECK(says("f", no_decay + Arguments{"--weight-decay", "0.01"}).find("no effect") == std::string::npos);
}

TEST_CASE("settings that are hardly meant are said once, at the start") {
  const Runs runs;
  int run = 0;
  const auto says = [&](const Arguments& flags, const std::string& hint) {
    const std::string out = runs.trained(std::to_string(run++), Arguments{"--epochs", "1"} + flags).out;
    INFO(out);
    const size_t found = out.find(hint);
    return found != std::string::npos && found < out.find("epoch 1/1") &&
           out.find(hint, found + 1) == std::string::npos;
  };
  const std::string adam = "without weight decay is adam", warm_up = "longer than the run",
                    percent = "is in percent";
  CHECK(says({"--optimizer", "sgd", "--lr", "0.0001"}, "sgd needs a larger one, to begin with --lr 0.3\n"));
  CHECK(!says({"--optimizer", "sgd", "--lr", "0.001"}, "needs a larger one"));
  CHECK(!says({"--lr", "0.0001"}, "needs a larger one"));
  CHECK(says({"--optimizer", "adafactor", "--lr", "0.0001"}, "adafactor needs a larger one"));
  CHECK(!says({"--optimizer", "adafactor", "--fixed-step", "--lr", "0.0001"}, "needs a larger one"));
  CHECK(says({"--optimizer", "adamw"}, adam));
  CHECK(!says({"--optimizer", "adamw", "--weight-decay", "0.01"}, adam));
  CHECK(says({"--lr", "0.01", "--warmup-steps", "132"},
             "longer than the run of 66: the learning rate ends at 0.005\n"));
  CHECK(!says({"--warmup-steps", "66"}, warm_up));
  CHECK(says({"--clip-percentile", "0.55"}, "last 100 norms; 55 may be meant\n"));
  CHECK(!says({"--clip-percentile", "95"}, percent));

  const Outcome resumed = run_octet({"train", "--resume", runs.path("0")});  // keeps its settings
  CHECK(resumed.status == 0);
  CHECK(resumed.out.find("sgd with fp32 state") != std::string::npos);
  CHECK(resumed.out.find("needs a larger one") == std::string::npos);
}

TEST_CASE("summaries name the parameters whose state is another than --state says") {
  const Runs runs;
  const Arguments flags = {
      "--epochs",         "1",        "--state", "blockwise8", "--state-override", "embedding*=fp32",
      "--state-override", "fc.*=bf16"};
  const std::string stable = "adam with blockwise8 state but fp32 for embedding.* (";
  CHECK(runs.trained("stable", {"--epochs", "1", "--state", "blockwise8", "--embedding-layer", "stable"})
            .out.find(stable) != std::string::npos);
  const std::string text = "adam with blockwise8 state but fp32 for embedding*, bf16 for fc.*";
  const auto says = [&](const std::string& output) { CHECK(output.find(text) != std::string::npos); };
  says(runs.trained("run", flags).out);
  says(runs.bytes("run/report.html"));
  says(run_octet({"inspect", runs.path("run")}).out);
  Arguments memory = runs.train("never", flags);
  memory[1] = "memory";
  says(run_process(memory).out);
  CHECK(run_octet({"report", runs.path("run")}).out.find("embedding*=fp32, fc.*=bf16\n") !=
        std::string::npos);
}

TEST_CASE("a reader of the output that goes away does not end the run") {
  const Runs runs;
  for (const Arguments& more : {Arguments{}, Arguments{"--json"}}) {
    const std::string name = more.empty() ? "lines" : "json";
    CAPTURE(name);
    RunningProcess process(runs.train(name, more));
    CHECK(process.read_until("\n"));
    process.close_output();
    const Outcome outcome = process.finish();
    CHECK(outcome.status == 0);
    CHECK((outcome.err.find("nobody reads the output any more; the run goes on") != std::string::npos) ==
          more.empty());
    const std::vector<Json> events = events_in(runs.bytes(name + "/log.jsonl"));
    CHECK(events.back()["status"] == "ok");
    CHECK(events.back()["epochs"] == 3);
    CHECK(run_octet({"eval", runs.path(name)}).status == 0);
  }
  const Outcome shell = run_process(Arguments{"sh", "-c", "\"$@\" | head -1", "sh"} + runs.train("pipe"));
  CHECK(shell.out.starts_with("sms: "));
  CHECK(shell.out.find('\n') == shell.out.size() - 1);
  CHECK(fs::exists(runs.path("pipe/report.html")));
}

TEST_CASE("without --out runs go into octet-run, octet-run-2 and so on") {
  const Runs runs;
  const std::string here = fs::current_path().string();
  fs::current_path(fs::path(runs.data()).parent_path());
  const Arguments train = {"train", "sms", "--data", "data.txt", "--epochs", "1", "--hidden", "4"};
  const int first = run_octet(train).status, second = run_octet(train).status;
  // A run that fails before it begins leaves no folder behind.
  const int failed = run_octet(train + Arguments{"--data", "none.txt"}).status;
  fs::current_path(here);
  CHECK(first == 0);
  CHECK(second == 0);
  CHECK(failed == 3);
  CHECK(fs::exists(runs.path("octet-run/last.safetensors")));
  CHECK(fs::exists(runs.path("octet-run-2/last.safetensors")));
  CHECK(!fs::exists(runs.path("octet-run-3")));
}
