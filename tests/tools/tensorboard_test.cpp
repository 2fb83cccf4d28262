// Event files for TensorBoard: checksums, structure, and what a run writes into them.
#include "tools/tensorboard.h"

#include <csignal>

#include "tests/tools/small_run.h"
#include "tests/tools/tensorboard_decoder.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C, masked as the format says") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xE3069283);            // the check value of the polynomial
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43);
  CHECK(masked_crc32c("") == 0xA282EAD8);
}

TEST_CASE("a file is whole records with right checksums that hold what was told") {
  const TemporaryFolder folder;
  const std::string path = (folder / "a/b").string();
  {
    TensorBoardFile file(path);
    file.text(0, "settings", "    <script>\n\xC3\xA9");
    file.scalars(7, {{"loss/train", 0.5}, {"a", -1e30}, {"nan", NAN}});
    file.resumed_after(9);
    file.scalars(int64_t{1} << 40, {{std::string(300, 'x'), 1e-3}});
    const std::vector<BoardEvent> events = read_board(read_file(file.path()));
    REQUIRE(events.size() == 5);
    CHECK(events[0].version == "brain.Event:2");
    CHECK(events[0].wall_time > 1.6e9);
    CHECK(events[1].texts.at("settings") == "    <script>\n\xC3\xA9");
    CHECK(events[2].step == 7);
    CHECK(events[2].scalars.at("loss/train") == 0.5F);
    CHECK(events[2].scalars.at("a") == -1e30F);
    CHECK(std::isnan(events[2].scalars.at("nan")));
    CHECK(events[3].session_start);
    CHECK(events[3].step == 10);
    CHECK(events[4].step == int64_t{1} << 40);
    CHECK(events[4].scalars.at(std::string(300, 'x')) == 1e-3F);
  }
  // The decoder sees a flipped bit and a missing tail.
  std::string bytes = read_file(files_in(path)[0]);
  CHECK_THROWS(read_board(bytes.substr(0, bytes.size() - 1)));
  bytes[40] = static_cast<char>(bytes[40] ^ 4);
  CHECK_THROWS(read_board(bytes));
  const TensorBoardFile second(path), third(path);  // each of its own name, in their order
  CHECK(files_in(path).size() == 3);
  CHECK(second.path() < third.path());
}

TEST_CASE("a run tells TensorBoard what its log says, by epoch and by step") {
  const Runs runs;
  const std::string board = runs.path("board");
  runs.trained("run", {"--tensorboard", board, "--log-every", "20", "--schedule", "linear", "--state",
                       "blockwise8", "--min-8bit-size", "0"});
  const std::vector<std::string> files = files_in(board);
  REQUIRE(files.size() == 1);
  const std::vector<Json> log = events_in(runs.bytes("run/log.jsonl"));
  std::vector<BoardEvent> epochs, steps;
  for (const BoardEvent& event : read_board(read_file(files[0]))) {
    if (event.scalars.contains("loss/train")) epochs.push_back(event);
    if (event.scalars.contains("step/loss")) steps.push_back(event);
    if (event.texts.contains("settings"))
      CHECK(event.texts.at("settings").find("\n    optimizer = \"adam\"\n") != std::string::npos);
  }
  REQUIRE(epochs.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    const Json& told = log[i + 1];
    CHECK(epochs[i].step == static_cast<int64_t>(66 * (i + 1)));
    CHECK(epochs[i].scalars.at("loss/train") == told["train_loss"].get<float>());
    CHECK(epochs[i].scalars.at("loss/validation") == told["val_loss"].get<float>());
    CHECK(epochs[i].scalars.at("accuracy/validation") == told["val_accuracy"].get<float>());
    CHECK(epochs[i].scalars.at("memory/peak") == told["peak_bytes"].get<float>());
    CHECK(epochs[i].scalars.at("memory/optimizer_state") ==
          told["peak_by_tag"]["optimizer_state"].get<float>());
    CHECK(epochs[i].scalars.at("throughput/rows_per_second") > 0);
  }
  REQUIRE(steps.size() == 9);
  CHECK(steps[0].step == 20);
  CHECK(steps[3].step == 66 + 20);
  CHECK(steps[0].scalars.at("step/lr") == doctest::Approx(0.003 * (1 - 19.0 / 198)).epsilon(1e-6));
  CHECK(runs.bytes("run/config.toml").find("tensorboard = \"\"") != std::string::npos);
}

TEST_CASE("a run that is killed leaves whole records, and goes on in a file of its own") {
  const Runs runs;
  const std::string board = runs.path("board");
  {
    RunningProcess process(runs.train("run", {"--tensorboard", board}));
    CHECK(process.read_until("epoch 2/3  step 5/"));
    process.signal(SIGKILL);
    process.finish();
  }
  CHECK(read_board(read_file(files_in(board).at(0))).size() > 66);
  CHECK(run_octet({"train", "--resume", runs.path("run")}).status == 0);
  const std::vector<std::string> files = files_in(board);
  REQUIRE(files.size() == 2);
  const std::vector<BoardEvent> events = read_board(read_file(files[1]));
  CHECK(events[1].session_start);
  CHECK(events[1].step == 67);  // what the first file tells of the second epoch is done again
  int epochs = 0;
  for (const BoardEvent& event : events) epochs += event.scalars.contains("loss/train");
  CHECK(epochs == 2);
}

TEST_CASE("a folder for TensorBoard that cannot be written to ends the run before it begins") {
  const Runs runs;
  write_file(runs.path("file"), "");
  const Outcome outcome = run_process(runs.train("run", {"--tensorboard", runs.path("file/board")}));
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "octet: --tensorboard " + runs.path("file/board") + ": cannot make the folder: Not a directory\n");
  CHECK(!fs::exists(runs.path("run")));
}
