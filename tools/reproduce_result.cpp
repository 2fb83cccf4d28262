#include "tools/reproduce_result.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "datasets/sha256.h"
#include "tools/config_json.h"
#include "tools/json_values.h"
#include "tools/jsonl.h"

namespace octet::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr const char* kFormat = "octet reproduce result 1";

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json json_of(const EpochEvent& epoch) {
  Json json = to_json(epoch);
  json.erase("event");
  return json;
}

std::string text_in(const Json& facts, const char* name) {
  const auto found = facts.find(name);
  return found != facts.end() && found->is_string() ? found->get<std::string>() : "";
}

bool flag_in(const Json& json, const char* name) {
  const Json& value = member_of(json, name);
  require(value.is_boolean(), ErrorKind::Data, name, " is neither true nor false");
  return value.get<bool>();
}

void check_whole(const GridResult& result) {
  const auto count = static_cast<int64_t>(result.epochs.size());
  require(result.ok() || result.status == "non-finite", ErrorKind::Data, "the run ended as ", result.status);
  require(result.ok() ? count == result.run.epochs : count < result.run.epochs, ErrorKind::Data, "has ",
          count, " epochs of ", result.run.epochs);
  for (int64_t i = 0; i < count; ++i)
    require(result.epochs[static_cast<size_t>(i)].epoch == i + 1, ErrorKind::Data, "epoch ", i + 1,
            " is missing");
  const std::string_view differs = first_difference(result.config, result.run.config(result.config.device));
  require(differs.empty(), ErrorKind::Data, "setting ", differs, " is not that of the experiment");
  const std::string_view stored =
      first_difference(result.config, result.run.config(result.config.device), Affects::StateFormat);
  require(stored.empty(), ErrorKind::Data, "setting ", stored, " is not that of ",
          kGridStates[result.run.state].words);
}

GridRun run_from(const Json& json) {
  GridRun run;
  run.task = text_of(json, "experiment");
  run.layers = count_of(json, "layers");
  run.epochs = count_of(json, "planned_epochs");
  run.seed = count_of(json, "seed");
  const std::string state = text_of(json, "state");
  const auto found = std::ranges::find(kGridStates, state, &GridState::name);
  require(found != std::end(kGridStates), ErrorKind::Data, "unknown state ", state);
  run.state = static_cast<size_t>(found - kGridStates);
  return run;
}

}  // namespace

const EpochEvent* GridResult::epoch(int64_t number) const {
  return number >= 1 && number <= static_cast<int64_t>(epochs.size())
             ? &epochs[static_cast<size_t>(number - 1)]
             : nullptr;
}

double GridResult::seconds_until(int64_t epoch) const {
  double sum = 0;
  for (const EpochEvent& event : epochs)
    if (event.epoch <= epoch) sum += event.seconds;
  return sum;
}

GridResult result_of(const GridRun& run, const RunReport& report) {
  GridResult result;
  result.run = run;
  result.status = report.status();
  result.config = report.config;
  result.build = text_in(report.facts, "build");
  result.device_name = text_in(report.facts, "device_name");
  result.data_sha256 = text_in(report.facts, "data_sha256");
  result.data_source = text_in(report.facts, "data_source");
  result.generated = report.generated();
  result.parameters = count_of(report.facts, "parameters");
  result.state_bytes = count_of(report.facts, "state_bytes");
  result.train_rows = count_of(report.facts, "train_rows");
  result.validation_rows = count_of(report.facts, "validation_rows");
  result.epochs = report.epochs;
  result.peak_bytes = report.peak_bytes();
  result.peak_by_tag = report.peak_by_tag();
  result.max_by_tag = report.max_by_tag();
  result.finished = now_utc();
  check_whole(result);
  return result;
}

std::string format_result(const GridResult& result) {
  Json json = {{"format", kFormat},
               {"experiment", result.run.task},
               {"layers", result.run.layers},
               {"planned_epochs", result.run.epochs},
               {"state", kGridStates[result.run.state].name},
               {"seed", result.run.seed},
               {"status", result.status},
               {"build", result.build},
               {"device_name", result.device_name},
               {"data_sha256", result.data_sha256},
               {"data_source", result.data_source},
               {"generated", result.generated},
               {"jobs", result.jobs},
               {"finished", result.finished},
               {"wall_seconds", result.wall_seconds},
               {"parameters", result.parameters},
               {"state_bytes", result.state_bytes},
               {"train_rows", result.train_rows},
               {"validation_rows", result.validation_rows},
               {"peak_bytes", result.peak_bytes},
               {"peak_by_tag", to_json(result.peak_by_tag)},
               {"max_by_tag", to_json(result.max_by_tag)},
               {"config", to_json(result.config)}};
  for (const EpochEvent& epoch : result.epochs) json["epochs"].push_back(json_of(epoch));
  if (result.epochs.empty()) json["epochs"] = Json::array();
  json["sha256"] = sha256_hex(json.dump());
  return json.dump() + "\n";
}

GridResult parse_result(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  require(json.is_object(), ErrorKind::Data, "is cut short or no JSON");
  require(json.value("format", Json()) == kFormat, ErrorKind::Data, "is no \"", kFormat, "\"");
  const std::string sha256 = text_of(json, "sha256");
  json.erase("sha256");
  require(sha256_hex(json.dump(-1, ' ', false, Json::error_handler_t::replace)) == sha256, ErrorKind::Data,
          "is damaged: its SHA-256 does not fit");
  GridResult result;
  result.run = run_from(json);
  result.status = text_of(json, "status");
  result.build = text_of(json, "build");
  result.device_name = text_of(json, "device_name");
  result.data_sha256 = text_of(json, "data_sha256");
  result.data_source = text_of(json, "data_source");
  result.generated = flag_in(json, "generated");
  result.jobs = count_of(json, "jobs");
  result.finished = text_of(json, "finished");
  result.wall_seconds = number_of(json, "wall_seconds");
  result.parameters = count_of(json, "parameters");
  result.state_bytes = count_of(json, "state_bytes");
  result.train_rows = count_of(json, "train_rows");
  result.validation_rows = count_of(json, "validation_rows");
  result.peak_bytes = count_of(json, "peak_bytes");
  result.peak_by_tag = bytes_of(json, "peak_by_tag");
  result.max_by_tag = bytes_of(json, "max_by_tag");
  try {
    result.config = config_from_json(member_of(json, "config"), "config");
  } catch (const Error& error) {
    fail(ErrorKind::Data, error.what());
  }
  const Json& epochs = member_of(json, "epochs");
  require(epochs.is_array(), ErrorKind::Data, "epochs is no list");
  for (const Json& epoch : epochs) result.epochs.push_back(epoch_from_json(epoch));
  check_whole(result);
  return result;
}

std::string result_path(const std::string& folder, const GridRun& run) {
  return folder + "/results/" + run.name() + ".json";
}

FoundResults read_results(const std::string& folder) {
  FoundResults found;
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator at(folder + "/results", error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".json" && at->path().filename().string()[0] != '.')
      paths.push_back(at->path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    try {
      require(in.good(), ErrorKind::Data, "cannot be read");
      GridResult result = parse_result(text.str());
      require(fs::path(path).stem() == result.run.name(), ErrorKind::Data, "is the result of ",
              result.run.name());
      found.results.push_back(std::move(result));
    } catch (const Error& problem) {
      found.problems.push_back(path + ": " + problem.what());
    }
  }
  return found;
}

}  // namespace octet::tools
