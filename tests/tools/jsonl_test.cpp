#include "tools/jsonl.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/support/support.h"
#include "tools/config_json.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;
using Json = nlohmann::ordered_json;

namespace {

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("events have the fixed names and order") {
  const TemporaryFolder folder;
  EpochEvent epoch;
  epoch.epoch = 1, epoch.train_loss = 0.1, epoch.peak_by_tag = {5, 0, 0, 7, 0, 0};
  epoch.peak_bytes = 12;
  EndEvent end;
  end.epochs = 1, end.steps = 66, end.best_epoch = 1;
  {
    JsonLines log((folder / "log.jsonl").string());
    log.start(to_json(TrainConfig()));
    log.epoch(epoch);
    log.end(end);
  }
  const std::vector<Json> lines = lines_of(folder / "log.jsonl");
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["event"] == "start");
  CHECK(lines[0]["optimizer"] == "adam");
  CHECK(lines[0]["batch_size"] == 64);
  CHECK(keys_of(lines[1]) ==
        std::vector<std::string>{"event", "epoch", "train_loss", "val_loss", "val_accuracy", "seconds",
                                 "train_seconds", "peak_bytes", "peak_by_tag", "macro_f1", "weighted_f1"});
  CHECK(lines[1]["train_loss"].get<double>() == 0.1);
  CHECK(lines[1]["peak_by_tag"].dump() ==
        R"({"weights":5,"gradients":0,"optimizer_state":0,"activations":7,"workspace":0,"data":0})");
  CHECK(keys_of(lines[2]) == std::vector<std::string>{"event", "status", "epochs", "steps", "val_loss",
                                                      "val_accuracy", "best_epoch", "seconds", "peak_bytes",
                                                      "peak_by_tag", "max_by_tag"});
  CHECK(lines[2]["status"] == "ok");
}

TEST_CASE("each event is on disk when write returns, and a resumed run appends") {
  const TemporaryFolder folder;
  const std::string path = (folder / "log.jsonl").string();
  JsonLines log(path);
  log.write({{"event", "a"}});
  CHECK(read_file(path) == "{\"event\":\"a\"}\n");
  JsonLines more(path, true);
  more.write({{"event", "b"}});
  CHECK(read_file(path) == "{\"event\":\"a\"}\n{\"event\":\"b\"}\n");
  JsonLines anew(path);
  CHECK(read_file(path).empty());
}

TEST_CASE("a loss that is not finite and a text that is not UTF-8 still give valid JSON") {
  const TemporaryFolder folder;
  JsonLines log((folder / "log.jsonl").string());
  log.write({{"loss", NAN}, {"path", "\xff"}});
  const std::vector<Json> lines = lines_of(folder / "log.jsonl");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["loss"].is_null());
}

TEST_CASE("a log that cannot be written is an error with path and reason") {
  const TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Internal, "none/log.jsonl: cannot write the log: No such file or directory",
              JsonLines((folder / "none/log.jsonl").string()));
  JsonLines full("/dev/full");
  CHECK_ERROR(ErrorKind::Internal, "/dev/full: cannot write the log: No space left on device",
              full.write({{"event", "a"}}));
}
