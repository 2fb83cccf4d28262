// A stopped run whose files were lost, damaged or exchanged: what is mended, and what is refused.
#include <limits>

#include "core/safetensors.h"
#include "tests/tools/stopped_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

TEST_CASE("a run that lost its log and is killed soon after it went on, goes on again") {
  const Stopped run;
  fs::remove(run.folder + "/log.jsonl");
  CHECK(stopped(resume(run.folder), "epoch 2/3  step ", SIGKILL).status == 128 + SIGKILL);
  finish(run.folder);
}

TEST_CASE("a resumed run that has lost its best weights says so and keeps the best from there on") {
  const Stopped run;
  const std::string best = run.folder + "/best.safetensors";
  fs::remove(best);
  const Outcome outcome = run_process(resume(run.folder));
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find(best +
                         " is missing; it had the weights of epoch 1: those of the best epoch from here") !=
        std::string::npos);
  CHECK(fs::exists(best));
  CHECK(run_octet({"eval", run.folder}).status == 0);
}

TEST_CASE("a damaged best.safetensors is found when the run goes on, not when it is needed") {
  const Stopped run;
  const std::string weights = read_file(run.folder + "/best.safetensors");
  for (const bool cut : {true, false}) {
    const std::string copy = run.runs.path(cut ? "cut" : "not-finite"), best = copy + "/best.safetensors";
    fs::copy(run.folder, copy);
    TensorFile file = parse_safetensors(weights, best);
    file.tensors[0].second.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    write_file(best, cut ? weights.substr(0, 1000) : format_safetensors(file));
    const Outcome outcome = run_process(resume(copy));
    CHECK(outcome.status == 0);
    CHECK_MESSAGE(
        outcome.out.find(best + " is damaged, or of another run; it had the weights of epoch 1: those "
                                "of the best epoch from here on are kept") != std::string::npos,
        outcome.out);
    CHECK(run_octet({"eval", copy}).status == 0);
  }
}

TEST_CASE(
    "weights are written before the checkpoint that says so: where they cannot be, it stays as it was") {
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    const Stopped run;
    const std::string checkpoint = read_file(run.checkpoint), path = run.folder + "/" + name;
    fs::remove(path);
    fs::create_directory(path);
    const Outcome outcome = run_process(resume(run.folder));
    CHECK(outcome.status == 1);
    CHECK(outcome.err.find(name) != std::string::npos);
    CHECK((read_file(run.checkpoint) == checkpoint));
    fs::remove(path);
    finish(run.folder);
  }
}

TEST_CASE("a finished run saves lost weights anew where its checkpoint has them, and else is refused") {
  const Runs runs;
  write_file(runs.path("data.tsv"), "label\ttext\n" + small_corpus());
  for (const bool same : {true, false}) {
    // Of two epochs with steps too small to change a weight the first stays the best.
    const std::string name = same ? "one" : "two", best = runs.path(name) + "/best.safetensors",
                      last = runs.path(name) + "/last.safetensors";
    const Outcome trained =
        run_octet({"train", "text", "--data", runs.path("data.tsv"), "--out", runs.path(name), "--model",
                   "bag", "--embedding", "8", "--test-share", "0.1", "--ema", "0.9", "--lr",
                   same ? "0.01" : "1e-30", "--epochs", same ? "1" : "2"});
    REQUIRE_MESSAGE(trained.status == 0, trained.err);
    const std::string weights = read_file(best), last_weights = read_file(last),
                      log = runs.bytes(name + "/log.jsonl");
    fs::remove(best);
    write_file(last, weights.substr(0, 1000));
    const Outcome outcome = run_process(resume(runs.path(name)));
    const std::string lost = best + " is missing; it had the weights of epoch 1";
    if (same) {
      CHECK(outcome.status == 0);
      CHECK(outcome.out.find(lost + ": they are saved anew") != std::string::npos);
      CHECK(outcome.out.find("rows, best weights: loss") != std::string::npos);
      CHECK((read_file(best) == weights));
      CHECK((read_file(last) == last_weights));
    } else {
      CHECK(outcome.status == 6);
      CHECK(outcome.err == "octet: " + lost +
                               "; put a copy back: the run is finished, and its checkpoint is of "
                               "epoch 2\n");
      CHECK((runs.bytes(name + "/log.jsonl") == log));
    }
    CHECK(run_octet({"eval", runs.path(name), "--weights", "last"}).status == 0);
  }
}

TEST_CASE("a run whose log is elsewhere, or gone, says how to read on") {
  const Stopped run;
  const std::string other = run.runs.path("other.jsonl");
  const std::string said = run.go_on({"--log", other});
  CHECK(said.find("the log is " + other + " from here on: octet report " + run.folder + " --log " + other) !=
        std::string::npos);
  const Outcome report = run_octet({"report", run.folder, "--log", other});
  CHECK(report.status == 0);
  CHECK(report.out.find("interrupted") != std::string::npos);
  CHECK(run_octet({"report", run.folder, "--log", run.runs.path("none")}).status == 3);
  CHECK(run_octet({"report", run.folder, run.folder, "--log", other}).status == 2);
  // The same file by another name is no other, and one that is there is not written over.
  const std::string before = read_file(other);
  CHECK(run.go_on({"--log", (fs::path(other).parent_path() / "." / "other.jsonl").string()})
            .find("the log is") == std::string::npos);
  CHECK(read_file(other).starts_with(before.substr(0, before.find("\"event\":\"end\"") - 200)));
  const std::string own = run.folder + "/log.jsonl";
  run.refused({"--log", own}, 2,
              "--log " + own + ": is there already, and would be written over; the run's log is ");
  fs::remove(other);
  CHECK(run.go_on({}).find("other.jsonl is missing, and what it said of the run so far: a new one begins") !=
        std::string::npos);
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
      {replaced("\\\"best_epoch\\\":1", "\\\"best_epoch\\\":9"), "the counters of the run are damaged"},
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
