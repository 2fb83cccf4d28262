// Runs whose weights are stored in bf16: what is trained, saved, read back and told of them.
#include <set>

#include "core/safetensors.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;

namespace {

const Arguments kStored = {"--weight-dtype", "bf16", "--min-8bit-size", "100"};

Json json_of(const Arguments& arguments) {
  const Outcome outcome = run_octet(arguments + Arguments{"--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

// Matrices of 100 elements and more are bf16, all else f32; or all is f32.
void check_types(const std::string& path, const std::string& prefix, bool stored) {
  CAPTURE(path);
  int64_t narrow = 0, wide = 0;
  for (const auto& named : read_safetensors(path).tensors) {
    const std::string& name = named.first;
    const Tensor& tensor = named.second;
    CAPTURE(name);
    if (!name.starts_with(prefix + "embedding.") && !name.starts_with(prefix + "lstm.") &&
        !name.starts_with(prefix + "fc."))
      continue;
    if (name.find(".exp_avg") != std::string::npos) continue;
    const bool matrix = tensor.shape().rank() == 2 && tensor.numel() >= 100;
    CHECK(tensor.dtype() == (stored && matrix ? DType::BF16 : DType::F32));
    ++(tensor.dtype() == DType::BF16 ? narrow : wide);
  }
  CHECK(narrow == (stored ? 9 : 0));
  CHECK(narrow + wide == 19);
}

Json last_event(const Runs& runs, const std::string& run) {
  return events_in(runs.bytes(run + "/log.jsonl")).back();
}

// Losses and answers of a run are those of the weights that it saved.
void check_evaluation(const Runs& runs, const std::string& run) {
  const std::vector<Json> events = events_in(runs.bytes(run + "/log.jsonl"));
  const Json& end = events.back();
  const Json last = json_of({"eval", runs.path(run), "--weights", "last"}),
             best = json_of({"eval", runs.path(run)});
  CHECK(last["loss"] == end["val_loss"]);
  CHECK(last["accuracy"] == end["val_accuracy"]);
  CHECK(best["loss"] == events[end["best_epoch"].get<size_t>()]["val_loss"]);
}

}  // namespace

TEST_CASE("a run with weights in bf16 learns as one in fp32 does, and its files hold what it trained") {
  const Runs runs;
  const Outcome outcome = runs.trained("bf16", kStored);
  runs.trained("fp32", {"--min-8bit-size", "100"});
  CHECK(outcome.out.find("adam with bf16 weights and fp32 state (") != std::string::npos);
  CHECK(outcome.out.find("no effect") == std::string::npos);
  check_types(runs.path("bf16/best.safetensors"), "", true);
  check_types(runs.path("bf16/last.safetensors"), "", true);
  check_types(runs.path("bf16/last.ckpt.safetensors"), "model.", true);
  check_types(runs.path("fp32/last.safetensors"), "", false);
  check_evaluation(runs, "bf16");
  // Nor does what the settings make of other tensors, after a resume with other ones.
  const std::string config = runs.bytes("bf16/config.toml"), from = "min_8bit_size = 100\n";
  REQUIRE(config.find(from) != std::string::npos);
  write_file(runs.path("bf16/config.toml"),
             std::string(config).replace(config.find(from), from.size(), "min_8bit_size = 0\n"));
  check_evaluation(runs, "bf16");
  write_file(runs.path("bf16/config.toml"), config);

  const Json stored = last_event(runs, "bf16"), exact = last_event(runs, "fp32");
  CHECK(stored["val_loss"].get<double>() == doctest::Approx(exact["val_loss"].get<double>()).epsilon(0.1));
  CHECK(stored["peak_by_tag"]["weights"].get<double>() < 0.6 * exact["peak_by_tag"]["weights"].get<double>());
  CHECK(stored["peak_by_tag"]["gradients"] == exact["peak_by_tag"]["gradients"]);
  CHECK(stored["peak_by_tag"]["optimizer_state"] == exact["peak_by_tag"]["optimizer_state"]);
  const Json start = events_in(runs.bytes("bf16/log.jsonl"))[0];
  CHECK(start["weight_dtype"] == "bf16");
  CHECK(start["weight_rounding"] == "stochastic");

  CHECK(run_octet({"predict", runs.path("bf16"), "win a prize"}).status == 0);
  CHECK(run_octet({"report", runs.path("bf16")}).out.find("weight_dtype") != std::string::npos);
  const std::string report = run_octet({"report", runs.path("bf16"), runs.path("fp32")}).out;
  CHECK(report.find("weight_dtype") == report.rfind("weight_dtype"));
  CHECK(run_octet({"report", runs.path("fp32")}).out.find("weight_dtype") == std::string::npos);
  // Slots in the order in which the optimizer steps the tensors, those of a type together.
  const auto inspected = [&](const char* run) {
    std::set<std::string> slots;
    const Json inspection = json_of({"inspect", runs.path(run)});
    CHECK(inspection["weight_dtype"] == run);
    for (const Json& slot : inspection["slots"])
      slots.insert(slot["parameter"].dump() + slot["slot"].dump() + slot["elements"].dump());
    return slots;
  };
  CHECK(inspected("bf16") == inspected("fp32"));
  CHECK(inspected("bf16").size() == 2 * 19);
}

TEST_CASE("every rule and every kind of state takes steps of weights in bf16") {
  const Runs runs(small_corpus(80));
  for (const std::string rule : {"adamw", "ademamix", "lion", "rmsprop", "adagrad", "momentum", "sgd", "lamb",
                                 "lars", "adafactor", "muon"})
    runs.trained(rule, kStored + Arguments{"--optimizer", rule, "--epochs", "1"});
  for (const std::string state :
       {"bf16", "blockwise8", "linear8", "tensorwise8", "blockwise4", "blockwise8-v0.36"})
    runs.trained(state, kStored + Arguments{"--state", state, "--epochs", "1"});
  for (const std::string model : {"bag", "lstm"}) {
    runs.trained(model,
                 kStored + Arguments{"--model", model, "--epochs", "1", "--embedding-layer", "stable"});
    check_evaluation(runs, model);
  }
  runs.trained("frozen", kStored + Arguments{"--freeze-embedding", "--epochs", "1"});
  check_types(runs.path("frozen/last.safetensors"), "", true);
}

TEST_CASE("a run says if no matrix is large enough to be stored in bf16") {
  const Runs runs(small_corpus(80));
  const auto said = [&](const char* name, const char* size) {
    const Arguments flags = {"--weight-dtype", "bf16", "--min-8bit-size", size, "--epochs", "1"};
    return runs.trained(name, flags)
        .out.find("no effect on these weights: --weight-dtype, as no matrix has ");
  };
  CHECK(said("none", "1000000") != std::string::npos);
  CHECK(said("some", "100") == std::string::npos);
  check_types(runs.path("none/last.safetensors"), "", false);
}

TEST_CASE("averages of weights in bf16 are fp32, and they are what is evaluated and saved") {
  const Runs runs;
  runs.trained("run", kStored + Arguments{"--ema", "0.9"});
  check_types(runs.path("run/best.safetensors"), "", false);
  check_types(runs.path("run/last.safetensors"), "", false);
  check_types(runs.path("run/last.ckpt.safetensors"), "model.", true);
  check_types(runs.path("run/last.ckpt.safetensors"), "ema.", false);
  check_evaluation(runs, "run");
}

TEST_CASE("a frozen embedding in bf16 is evaluated as it is trained with, averages or not") {
  const Runs runs(small_corpus(80));
  runs.trained("run", kStored + Arguments{"--freeze-embedding", "--epochs", "1", "--ema", "0.9"});
  const TensorFile file = read_safetensors(runs.path("run/last.ckpt.safetensors"));
  const Tensor frozen = file.at("model.embedding.weight");
  CHECK(frozen.dtype() == DType::BF16);
  CHECK(file.at("ema.embedding.weight").to_vector<float>() ==
        frozen.to(DType::F32, MemoryTag::Data).to_vector<float>());
}

TEST_CASE("the same seed gives the same bytes with weights in bf16, for any number of threads") {
  const Runs runs;
  for (const std::string rounding : {"stochastic", "nearest"}) {
    const Arguments flags = kStored + Arguments{"--weight-rounding", rounding};
    runs.trained(rounding, flags);
    runs.trained(rounding + "-again", flags + Arguments{"--threads", "1"});
    check_same_run(runs.path(rounding), runs.path(rounding + "-again"));
  }
  CHECK((runs.bytes("stochastic/last.safetensors") != runs.bytes("nearest/last.safetensors")));
}
