// Gradients that are not finite, and the made-up corpus.
#include <algorithm>
#include <csignal>
#include <limits>

#include "core/safetensors.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const Arguments kNormed = {"--embedding-layer", "stable"};

// Gives the layer norm of a checkpoint's embedding a gain so large that it makes infinities of both signs,
// whose products with the next weights add up to NaN. The gain is finite, or no command would take it, and
// stays so: no step is taken with such a gradient.
void spoil(const std::string& checkpoint) {
  TensorFile file = read_safetensors(checkpoint);
  file.at("model.embedding.norm.weight").fill(std::numeric_limits<float>::max());
  write_file(checkpoint, format_safetensors(file));
}

}  // namespace

TEST_CASE(
    "a gradient that is not finite ends the run with exit 5, the tensor's name and the last checkpoint") {
  const Runs runs;
  RunningProcess process(runs.train("run", kNormed));
  CHECK(process.read_until("epoch 2/3  step 3/"));
  process.signal(SIGINT);
  CHECK(process.finish().status == 130);
  const std::string checkpoint = runs.path("run/last.ckpt.safetensors");
  spoil(checkpoint);
  const std::string before = read_file(checkpoint);
  // Where the signal came is a matter of time; the bad step is the first one after it.
  const Json state = Json::parse(read_safetensors(checkpoint).metadata.at("run"));
  REQUIRE(state["epoch"] == 1);
  const std::string place = "epoch 2, step " + std::to_string(state["batch"].get<int>() + 1);
  const Outcome outcome = run_octet({"train", "--resume", runs.path("run")});
  CHECK(outcome.status == 5);
  CHECK_MESSAGE(outcome.err.starts_with("octet: " + place + ": "), outcome.err);
  CHECK_MESSAGE(outcome.err.find("is not finite") != std::string::npos, outcome.err);
  CHECK_MESSAGE(outcome.err.find('\'') != std::string::npos, outcome.err);
  CHECK((read_file(checkpoint) == before));
  const Json end = events_in(runs.bytes("run/log.jsonl")).back();
  CHECK(end["event"] == "end");
  CHECK(end["status"] == "non-finite");
}

TEST_CASE(
    "--on-nonfinite skip goes on without the bad steps, and a run without a finite loss can be resumed") {
  const Runs runs;
  RunningProcess process(runs.train("run", kNormed + Arguments{"--on-nonfinite", "skip"}));
  CHECK(process.read_until("epoch 1/3  step 3/"));
  process.signal(SIGINT);
  CHECK(process.finish().status == 130);
  const std::string checkpoint = runs.path("run/last.ckpt.safetensors");
  spoil(checkpoint);
  {
    RunningProcess again({octet_program(), "train", "--resume", runs.path("run")});
    CHECK(again.read_until("epoch 2/3  step 3/"));
    again.signal(SIGTERM);
    CHECK(again.finish().status == 143);
  }
  const Outcome outcome = run_octet({"train", "--resume", runs.path("run")});
  INFO(outcome.err);
  CHECK(outcome.status == 5);
  CHECK(outcome.err.find("is not finite, so its weights are of no use") != std::string::npos);
  CHECK(outcome.out.find(" of 198 steps were skipped: their gradients were not finite, or too large") !=
        std::string::npos);
  const std::vector<Json> events = events_in(runs.bytes("run/log.jsonl"));
  REQUIRE(events.size() == 5);
  CHECK(events[1]["train_loss"].is_null());  // JSON has no word for it
  CHECK(events[1]["val_loss"].is_null());
  CHECK(events.back()["status"] == "non-finite");
  CHECK(events.back()["steps"] == 3 * 66);
  const TensorFile file = read_safetensors(checkpoint);
  CHECK(file.at("optimizer.skipped_steps").to_vector<int64_t>()[0] > 100);
  CHECK(file.at("optimizer.skipped_steps").to_vector<int64_t>()[0] == events.back()["skipped_steps"]);
  CHECK(run_octet({"report", runs.path("run")}).out.find("not finite") != std::string::npos);
}

TEST_CASE("a run that ends in its first epoch has used memory, has no loss, and has saved no weights") {
  const Runs runs;
  const Outcome outcome =
      run_process(runs.train("run", {"--optimizer", "momentum", "--lr", "100", "--weight-decay", "100"}));
  CHECK(outcome.status == 5);
  CHECK_MESSAGE(outcome.err.starts_with("octet: epoch 1, step "), outcome.err);
  const Json end = events_in(runs.bytes("run/log.jsonl")).back();
  CHECK(end["status"] == "non-finite");
  CHECK(end["epochs"] == 0);
  CHECK(end["val_loss"].is_null());
  CHECK(end["peak_bytes"].get<int64_t>() > 0);
  CHECK(end["peak_by_tag"]["weights"].get<int64_t>() > 0);
  const Outcome eval = run_octet({"eval", runs.path("run")});
  CHECK(eval.status == 6);
  CHECK(eval.err ==
        "octet: " + runs.path("run") +
            ": no weights are there; a run saves them when an epoch has ended: octet train --resume " +
            runs.path("run") + "\n");
  CHECK(run_octet({"report", runs.path("run")}).status == 0);
}

TEST_CASE("no command shows the sign of a NaN") {
  const Runs runs;
  RunningProcess process(runs.train("run", kNormed + Arguments{"--on-nonfinite", "skip", "--epochs", "2"}));
  CHECK(process.read_until("epoch 1/2  step 3/"));
  process.signal(SIGINT);
  CHECK(process.finish().status == 130);
  const std::string folder = runs.path("run");
  spoil(folder + "/last.ckpt.safetensors");
  const auto check_output = [](const Arguments& arguments, int status) {
    const Outcome outcome = run_octet(arguments);
    INFO(outcome.out, outcome.err);
    CHECK(outcome.status == status);
    CHECK(outcome.out.find("nan") != std::string::npos);
    CHECK(outcome.out.find("-nan") == std::string::npos);
  };
  check_output({"train", "--resume", folder}, 5);
  check_output({"eval", folder, "--weights", "last"}, 5);
  check_output({"predict", folder, "--weights", "last", "free entry now"}, 5);
}

TEST_CASE("without data a corpus is generated, and every line says so") {
  // The program looks beside itself and in the home folder; a copy elsewhere finds nothing.
  const TemporaryFolder folder;
  fs::create_directories(folder / "program");
  fs::create_directories(folder / "home");
  for (const auto& entry : fs::directory_iterator(OCTET_BINARY_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name == "octet" || name.starts_with("liboctet.so"))
      fs::copy(entry.path(), folder / ("program/" + name), fs::copy_options::copy_symlinks);
  }
  const std::string here = fs::current_path().string(), program = (folder / "program/octet").string(),
                    out = (folder / "out").string();
  const auto run = [&](const Arguments& arguments) {
    fs::current_path(folder / "home");
    const Outcome outcome =
        run_process(Arguments{"env", "-u", "OCTET_DATA", "LD_LIBRARY_PATH=" + (folder / "program").string(),
                              "HOME=" + (folder / "home").string(), program} +
                    arguments);
    fs::current_path(here);
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    return outcome.out;
  };
  const auto check_lines = [](const std::string& text) {
    CHECK(!text.empty());
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      CHECK_MESSAGE(line.find("generated") != std::string::npos, line);
      begin = end + 1;
    }
  };
  const Arguments small = {"sms", "--epochs", "1", "--hidden", "4", "--embedding", "8", "--layers", "1"};
  check_lines(run(Arguments{"train"} + small + Arguments{"--out", out, "--log-every", "20"}));
  check_lines(read_file(out + "/log.jsonl"));
  check_lines(run(Arguments{"train"} + small + Arguments{"--out", out + "2", "--json"}));
  check_lines(run({"eval", out}));
  check_lines(run({"eval", out, "--json"}));
  check_lines(run({"report", out, out + "2"}));
  check_lines(run(Arguments{"memory"} + small));
  check_lines(run(Arguments{"memory"} + small + Arguments{"--json"}));
  CHECK(read_file(out + "/config.toml").find("# generated true\n") != std::string::npos);
}
