// A resumed run whose weights or state are stored otherwise from then on.
#include "core/safetensors.h"
#include "tests/tools/stopped_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

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
  run.refused({"--state-override", "nothing=bf16"}, 2,
              "--state-override: no parameter fits the pattern 'nothing'");
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
