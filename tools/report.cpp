#include "tools/report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "tools/config_json.h"
#include "tools/json_values.h"
#include "tools/jsonl.h"
#include "tools/rule_settings.h"
#include "tools/run_folder.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

TestEvent test_of(const Json& event) {
  TestEvent test;
  test.rows = count_of(event, "rows");
  test.loss = number_of(event, "loss");
  test.accuracy = number_of(event, "accuracy");
  test.macro_f1 = number_of(event, "macro_f1");
  test.weighted_f1 = number_of(event, "weighted_f1");
  test.weights = text_of(event, "weights");
  return test;
}

EndEvent end_of(const Json& event) {
  EndEvent end;
  end.status = text_of(event, "status");
  end.epochs = count_of(event, "epochs");
  end.steps = count_of(event, "steps");
  end.val_loss = number_of(event, "val_loss");
  end.val_accuracy = number_of(event, "val_accuracy");
  end.best_epoch = count_of(event, "best_epoch");
  end.seconds = number_of(event, "seconds");
  end.peak_bytes = count_of(event, "peak_bytes");
  end.peak_by_tag = bytes_of(event, "peak_by_tag");
  end.max_by_tag = bytes_of(event, "max_by_tag");
  return end;
}

// Takes what an event tells; an event of a kind that is not known tells nothing.
class Reader {
 public:
  explicit Reader(RunReport& run) : run_(run) {}

  void line(const std::string& text) {
    const Json event = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    require(event.is_object() && event.contains("event") && event["event"].is_string(), ErrorKind::Data,
            "not an event of an octet log");
    const auto kind = event["event"].get<std::string>();
    if (kind == "start") {
      start(event);
    } else if (kind == "epoch") {
      add(epoch_from_json(event));
    } else if (kind == "memory_timeline") {
      run_.timeline = timeline_from_json(event);
    } else if (kind == "answers") {
      run_.answers = answers_from_json(event);
    } else if (kind == "test") {
      run_.test = test_of(event);
    } else if (kind == "end") {
      run_.end = end_of(event);
      run_.other_seconds = event.contains("other_seconds") ? number_of(event, "other_seconds") : NAN;
    }
  }
  bool started() const { return started_; }

 private:
  void start(const Json& event) {
    Json settings = Json::object(), facts = Json::object();
    std::set<std::string> known;
    TrainConfig names;
    names.visit([&](const Field& field, const auto&, const auto&) { known.insert(std::string(field.name)); });
    for (const auto& [key, value] : event.items())
      if (key != "event") (known.contains(key) ? settings : facts)[key] = value;
    started_ = true;
    run_.facts = std::move(facts);
    run_.config = config_from_json(settings, "the start event");
  }

  void add(const EpochEvent& epoch) {
    std::vector<EpochEvent>& all = run_.epochs;
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const EpochEvent& other) { return other.epoch >= epoch.epoch; });
    run_.end.reset();  // whatever ended before, the run has gone on
    run_.test.reset();
    if (at != all.end() && at->epoch == epoch.epoch)
      *at = epoch;
    else
      all.insert(at, epoch);
  }

  RunReport& run_;
  bool started_ = false;
};

std::string printable(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

bool RunReport::generated() const {
  const auto found = facts.find("generated");
  return found != facts.end() && found->is_boolean() && found->get<bool>();
}

const EpochEvent* RunReport::best() const {
  const EpochEvent* best = nullptr;
  for (const EpochEvent& epoch : epochs) {
    if (end && end->best_epoch == epoch.epoch) return &epoch;
    if (!best || is_better(score_of(epoch, config.best_by), score_of(*best, config.best_by))) best = &epoch;
  }
  return best;
}

const char* best_loss_words(std::span<const RunReport> runs) {
  const bool by_loss = std::all_of(runs.begin(), runs.end(),
                                   [](const RunReport& run) { return run.config.best_by == "loss"; });
  return by_loss ? "best val loss" : "val loss at best";
}

double RunReport::seconds() const {
  if (end) return end->seconds;
  double sum = 0;
  for (const EpochEvent& epoch : epochs) sum += epoch.seconds;
  return sum;
}

RunReport read_report(const std::string& folder, const std::string& log) {
  std::error_code ignored;
  require(fs::is_directory(folder, ignored), ErrorKind::Data, folder,
          ": no such folder; name the --out folder of octet train");
  const std::string path = RunFolder{folder}.log(log);
  const bool found = fs::is_regular_file(path, ignored);
  require(
      found || !log.empty(), ErrorKind::Data, folder,
      ": no log.jsonl there; name the --out folder of octet train, and the log of a run that had --log, too");
  require(found, ErrorKind::Data, path, ": no such log");
  std::ifstream in(path);
  require(in.good(), ErrorKind::Data, path, ": cannot be read");
  RunReport run;
  run.log = path;
  const fs::path clean = fs::path(folder).lexically_normal();
  run.name = (clean.has_filename() ? clean : clean.parent_path()).filename().string();
  if (run.name == "." || run.name.empty()) run.name = fs::absolute(clean, ignored).parent_path().filename();
  Reader reader(run);
  std::string text;
  for (int64_t number = 1; std::getline(in, text); ++number) {
    try {
      reader.line(text);
    } catch (const Error& error) {
      run.problems.push_back(fs::path(path).filename().string() + ":" + std::to_string(number) + ": " +
                             error.what() + "; the line is left out");
    }
  }
  require(reader.started(), ErrorKind::Data, path, ": no start event; the log is cut short");
  return run;
}

std::vector<Setting> settings_of(const TrainConfig& config) {
  TrainConfig usual;
  usual.task = config.task;
  if (!usual.task.empty()) task_of(usual).defaults(usual);
  const std::string optimizer = usual.optimizer;
  usual.optimizer = config.optimizer;
  take_rule_defaults(usual);
  usual.optimizer = optimizer;
  const Json given = to_json(config), fallback = to_json(usual);
  std::vector<Setting> out;
  for (const auto& [key, value] : given.items())
    out.push_back({key, printable(value), printable(fallback.at(key))});
  return out;
}

std::vector<Difference> differences(const std::vector<RunReport>& runs) {
  std::vector<Difference> out;
  TrainConfig names;
  std::vector<Json> settings;
  for (const RunReport& run : runs) settings.push_back(to_json(run.config));
  names.visit([&](const Field& field, const auto&, const auto&) {
    const std::string key(field.name);
    const auto other = [&](const Json& of_run) { return of_run.at(key) != settings[0].at(key); };
    if (field.affects == Affects::RunOnly || std::none_of(settings.begin(), settings.end(), other)) return;
    Difference difference{key, {}};
    for (const Json& of_run : settings) difference.values.push_back(printable(of_run.at(key)));
    out.push_back(std::move(difference));
  });
  return out;
}

std::vector<std::string> run_labels(const std::vector<RunReport>& runs) {
  constexpr size_t kNamed = 4;  // more would be no legend
  const std::vector<Difference> different = differences(runs);
  std::vector<std::string> labels(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    for (size_t d = 0; d < std::min(different.size(), kNamed); ++d)
      labels[i] += (d > 0 ? ", " : "") + different[d].name + " " + different[d].values[i];
    if (different.size() > kNamed)
      labels[i] += ", and " + std::to_string(different.size() - kNamed) + " more settings";
  }
  const std::vector<std::string> bare = labels;
  for (size_t i = 0; i < runs.size(); ++i)
    if (std::count(bare.begin(), bare.end(), bare[i]) > 1)
      labels[i] = bare[i].empty() ? runs[i].name : bare[i] + " (" + runs[i].name + ")";
  return labels;
}

}  // namespace octet::tools
