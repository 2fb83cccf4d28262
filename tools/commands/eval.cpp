#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "core/names.h"
#include "tools/commands/declare.h"
#include "tools/evaluate.h"
#include "tools/field_flags.h"
#include "tools/format.h"
#include "tools/metrics.h"
#include "tools/run_folder.h"
#include "tools/tasks.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRows[] = {"validation", "train", "test", "all"};

struct Flags {
  std::string folder, data, device, weights = "best", rows;  // rows empty: not given
  std::string text_column, label_column, header;             // empty: as the run
  int64_t threads = 0;
  bool json = false;
};

// What is to be answered: a part of the run's own data, or a file beside it.
struct Rows {
  EncodedTexts texts;
  std::string source, part;
  bool generated = false;
};

Rows rows_of(const Flags& flags, const RunFolder& folder, TrainedModel& trained) {
  const Task& task = task_of(trained.config);
  const bool beside = !flags.data.empty() && task.read_beside;
  require(beside || (flags.text_column + flags.label_column + flags.header).empty(), ErrorKind::Usage,
          "--text-column, --label-column and --header are about a file of one's own that --data names");
  if (beside) {
    require(flags.rows.empty() || flags.rows == "all", ErrorKind::Usage, "--rows ", flags.rows,
            ": all rows of --data are answered; --rows is about the parts of the run's own data");
    if (!flags.text_column.empty()) trained.config.text_column = flags.text_column;
    if (!flags.label_column.empty()) trained.config.label_column = flags.label_column;
    if (!flags.header.empty()) trained.config.header = flags.header;
    return {task.read_beside(trained.config, flags.data, trained.label_names, trained.encoder), flags.data,
            "all"};
  }
  if (!flags.data.empty()) trained.config.data = flags.data;
  TextData data = load_text_data(trained.config, folder.own_vocabulary());
  require(data.label_names == trained.label_names, ErrorKind::Data, data.source,
          ": its labels are not those that the run was trained on; the file has changed");
  const std::string part = flags.rows.empty() ? "validation" : flags.rows;
  Rows rows{{}, data.source, part, data.generated};
  const auto add = [&](const EncodedTexts& more) {
    rows.texts.sequences.insert(rows.texts.sequences.end(), more.sequences.begin(), more.sequences.end());
    rows.texts.labels.insert(rows.texts.labels.end(), more.labels.begin(), more.labels.end());
  };
  if (part == "all" || part == "validation") add(data.validation);
  if (part == "all" || part == "train") add(data.train);
  if (part == "all" || part == "test") add(data.test);
  require(rows.texts.rows() > 0, ErrorKind::Usage, flags.folder, ": the run has no ", part, " rows");
  return rows;
}

void show(const Flags& flags, const Rows& rows, const std::vector<std::string>& names,
          const Evaluation& result, const ClassificationMetrics& metrics) {
  if (flags.json) {
    Json labels = Json::object();
    for (size_t label = 0; label < names.size(); ++label) {
      const ClassMetrics& m = metrics.per_class[label];
      labels[names[label]] = {
          {"precision", m.precision}, {"recall", m.recall}, {"f1", m.f1}, {"rows", m.support}};
    }
    std::printf("%s\n", Json{{"folder", flags.folder},
                             {"weights", flags.weights},
                             {"data_source", rows.source},
                             {"generated", rows.generated},
                             {"part", rows.part},
                             {"rows", rows.texts.rows()},
                             {"loss", result.loss},
                             {"accuracy", result.accuracy},
                             {"macro_f1", metrics.macro_f1},
                             {"weighted_f1", metrics.weighted_f1},
                             {"labels", labels},
                             {"confusion", confusion_json(metrics)}}
                            .dump()
                            .c_str());
    return;
  }
  const std::string prefix = rows.generated ? "generated: " : "";
  const auto say = [&](const std::string& text) {
    for (const std::string& line : lines_of(text)) std::printf("%s%s\n", prefix.c_str(), line.c_str());
  };
  say(fmt::format("{} weights of {} on {} rows ({}) of {}", flags.weights, flags.folder,
                  format_count(rows.texts.rows()), rows.part, rows.source));
  say(fmt::format("loss {}  accuracy {:.2f} %  macro F1 {:.4f}  weighted F1 {:.4f}",
                  format_fixed(result.loss, 4), 100 * result.accuracy, metrics.macro_f1,
                  metrics.weighted_f1));
  say(class_text(metrics, names));
  say(confusion_text(metrics, names));
}

int evaluate_run(const Flags& flags) {
  if (!flags.rows.empty()) require_name("rows", flags.rows, kRows);
  if (!flags.header.empty()) require_name("header", flags.header, kHeaders);
  if (!flags.device.empty()) require_name("device", flags.device, kDevices);
  cpu::set_thread_count(static_cast<int>(flags.threads));
  TrainedModel trained = load_trained(flags.folder, flags.weights, flags.device);
  const Rows rows = rows_of(flags, RunFolder{flags.folder}, trained);
  const std::vector<std::string>& names = trained.label_names;
  const auto classes = static_cast<int64_t>(names.size());
  const Evaluation result = evaluate(*trained.model, rows.texts, ModelForm::of(trained.config, classes),
                                     trained.config.batch_size, trained.device);
  const ClassificationMetrics metrics = classification_metrics(rows.texts.labels, result.answers(), classes);
  show(flags, rows, names, result, metrics);
  require(std::isfinite(result.loss), ErrorKind::NonFinite, flags.folder, ": the loss of the ", flags.weights,
          " weights is not finite, so their answers are of no use");
  return 0;
}

}  // namespace

std::function<int()> declare_eval(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  add_argument(app, "folder", flags->folder, "DIR", "the --out folder of a run");
  add_option(
      app, "--data", flags->data, "PATH",
      "file or folder of the data set; empty: as the run. Task text: a file, all of which is answered");
  add_option(app, "--device", flags->device, "NAME", "cpu or cuda; empty: as the run");
  add_option(app, "--weights", flags->weights, "NAME", "best or last [best]");
  add_option(app, "--rows", flags->rows, "NAME", "validation, train, test or all [validation]");
  add_option(app, "--text-column", flags->text_column, "COLUMN", "task text, with --data; empty: as the run");
  add_option(app, "--label-column", flags->label_column, "COLUMN",
             "task text, with --data; empty: as the run");
  add_option(app, "--header", flags->header, "NAME",
             "task text, with --data: auto, yes or no; empty: as the run");
  add_option(app, "--threads", flags->threads, "N", "CPU threads; 0: all [0]");
  add_switch(app, "--json", flags->json, "one JSON line instead of a table");
  return [flags] { return evaluate_run(*flags); };
}

}  // namespace octet::tools
