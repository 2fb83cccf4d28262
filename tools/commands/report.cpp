#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tools/commands/declare.h"
#include "tools/format.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::vector<std::string> folders;
};

struct RunRecord {
  std::string folder;
  Json start, end;
  double best_loss = 0;
};

// What the table shows of an end event; a log of another program has none of it.
constexpr const char* kEndFields[] = {"status",     "epochs",  "val_loss",   "val_accuracy",
                                      "best_epoch", "seconds", "peak_bytes", "max_by_tag"};

RunRecord read_run(const std::string& folder) {
  const std::string path = RunFolder{folder}.log();
  std::ifstream in(path);
  require(in.good(), ErrorKind::Data, folder, ": no log.jsonl there; name the --out folder of octet train");
  RunRecord run;
  run.folder = folder;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    const Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    require(event.is_object() && event.contains("event"), ErrorKind::Data, path, ":", number,
            ": not an event of an octet log");
    const auto need = [&](const char* field) {
      require(event.contains(field), ErrorKind::Data, path, ":", number, ": the event has no ", field);
    };
    if (event["event"] == "start") run.start = event;
    if (event["event"] == "end") {
      for (const char* field : kEndFields) need(field);
      run.end = event;
    }
    if (event["event"] == "epoch") {
      need("val_loss");
      const Json& loss = event["val_loss"];
      if (loss.is_number() && (run.best_loss == 0 || loss.get<double>() < run.best_loss))
        run.best_loss = loss.get<double>();
    }
  }
  require(run.start.is_object(), ErrorKind::Data, path, ": no start event; the log is cut short");
  require(run.end.is_object(), ErrorKind::Data, path,
          ": the run has not ended; go on with octet train --resume ", folder);
  return run;
}

std::string number_text(const Json& value, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>()) : "not finite";
}

// Runs side by side, a column each.
int report(const Flags& flags) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : flags.folders) runs.push_back(read_run(folder));
  std::string prefix;
  for (const RunRecord& run : runs)
    if (run.start.value("generated", false)) prefix = "generated: ";
  const auto row = [&](const std::string& name, const auto& cell) {
    std::string line = fmt::format("{:<18}", name);
    for (const RunRecord& run : runs) line += fmt::format("{:>16}", cell(run));
    std::printf("%s%s\n", prefix.c_str(), line.c_str());
  };
  row("run", [](const RunRecord& run) {
    std::filesystem::path path(run.folder);
    return (path.has_filename() ? path : path.parent_path()).filename().string();
  });
  row("optimizer", [](const RunRecord& run) { return run.start.value("optimizer", ""); });
  row("state", [](const RunRecord& run) { return run.start.value("state", ""); });
  row("status", [](const RunRecord& run) { return run.end.value("status", ""); });
  row("epochs", [](const RunRecord& run) { return std::to_string(run.end.value("epochs", int64_t{0})); });
  row("val loss", [](const RunRecord& run) { return number_text(run.end["val_loss"], "{:.4f}"); });
  row("val accuracy",
      [](const RunRecord& run) { return number_text(100 * run.end.value("val_accuracy", 0.0), "{:.2f} %"); });
  row("best epoch",
      [](const RunRecord& run) { return std::to_string(run.end.value("best_epoch", int64_t{0})); });
  row("best val loss", [](const RunRecord& run) { return fmt::format("{:.4f}", run.best_loss); });
  row("seconds", [](const RunRecord& run) { return number_text(run.end["seconds"], "{:.2f}"); });
  for (int tag = 0; tag < kMemoryTags; ++tag) {
    const char* name = name_of(static_cast<MemoryTag>(tag));
    row(name,
        [&](const RunRecord& run) { return format_bytes(run.end["max_by_tag"].value(name, int64_t{0})); });
  }
  row("peak, all",
      [](const RunRecord& run) { return format_bytes(run.end.value("peak_bytes", int64_t{0})); });
  return 0;
}

}  // namespace

std::function<int()> declare_report(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("folder", flags->folders, "the --out folders of runs, to compare side by side")
      ->required()
      ->type_name("DIR");
  return [flags] { return report(*flags); };
}

}  // namespace octet::tools
