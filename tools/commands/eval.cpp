#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "tools/commands/declare.h"
#include "tools/evaluate.h"
#include "tools/format.h"
#include "tools/names.h"
#include "tools/run_folder.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRows[] = {"validation", "train", "all"};

struct Flags {
  std::string folder, data, device, weights = "best", rows = "validation";
  int64_t threads = 0;
  bool json = false;
};

// Rows by label and answer: [label][answer].
using Confusion = std::array<std::array<int64_t, 2>, 2>;

double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Precision, recall and F1 of one label.
struct Scores {
  double precision, recall, f1;
  Scores(const Confusion& confusion, size_t label)
      : precision(ratio(confusion[label][label], confusion[0][label] + confusion[1][label])),
        recall(ratio(confusion[label][label], confusion[label][0] + confusion[label][1])),
        f1(precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0) {}
};

int evaluate_run(const Flags& flags) {
  require_name("rows", flags.rows, kRows);
  if (!flags.device.empty()) require_name("device", flags.device, kDevices);
  cpu::set_thread_count(static_cast<int>(flags.threads));
  TrainedModel trained = load_trained(flags.folder, flags.weights, flags.device);
  if (!flags.data.empty()) trained.config.data = flags.data;
  const TextData data = load_text_data(trained.config, trained.vocabulary);
  LabelledTexts texts = flags.rows == "train" ? data.train : data.validation;
  if (flags.rows == "all") {
    texts.sequences.insert(texts.sequences.end(), data.train.sequences.begin(), data.train.sequences.end());
    texts.labels.insert(texts.labels.end(), data.train.labels.begin(), data.train.labels.end());
  }
  const Evaluation result = evaluate(*trained.model, texts, trained.config.batch_size, trained.device);
  Confusion confusion{};
  for (size_t row = 0; row < texts.labels.size(); ++row)
    ++confusion[static_cast<size_t>(texts.labels[row])][result.probability[row] > 0.5 ? 1 : 0];

  if (flags.json) {
    Json labels = Json::object();
    for (size_t label = 0; label < 2; ++label) {
      const Scores s(confusion, label);
      labels[data.label_names[label]] = {{"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}};
    }
    std::printf("%s\n", Json{{"folder", flags.folder},
                             {"weights", flags.weights},
                             {"data_source", data.source},
                             {"generated", data.generated},
                             {"part", flags.rows},
                             {"rows", texts.rows()},
                             {"loss", result.loss},
                             {"accuracy", result.accuracy},
                             {"labels", labels},
                             {"confusion", confusion}}
                            .dump()
                            .c_str());
    return 0;
  }
  const std::string prefix = data.generated ? "generated: " : "";
  const auto line = [&](const std::string& text) { std::printf("%s%s\n", prefix.c_str(), text.c_str()); };
  line(fmt::format("{} weights of {} on {} rows ({}) of {}", flags.weights, flags.folder,
                   format_count(texts.rows()), flags.rows, data.source));
  line(fmt::format("loss {:.4f}  accuracy {:.2f} %", result.loss, 100 * result.accuracy));
  line(fmt::format("{:>12} {:>10} {:>10} {:>10} {:>10} {:>8}", "", "as " + data.label_names[0],
                   "as " + data.label_names[1], "precision", "recall", "F1"));
  for (size_t label = 0; label < 2; ++label) {
    const Scores s(confusion, label);
    line(fmt::format("{:>12} {:>10} {:>10} {:>10.4f} {:>10.4f} {:>8.4f}", data.label_names[label],
                     confusion[label][0], confusion[label][1], s.precision, s.recall, s.f1));
  }
  return 0;
}

}  // namespace

std::function<int()> declare_eval(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("folder", flags->folder, "the --out folder of a run")->required()->type_name("DIR");
  app.add_option("--data", flags->data, "file or folder of the data set; empty: as the run")
      ->type_name("PATH");
  app.add_option("--device", flags->device, "cpu or cuda; empty: as the run")->type_name("NAME");
  app.add_option("--weights", flags->weights, "best or last [best]")->type_name("NAME");
  app.add_option("--rows", flags->rows, "validation, train or all [validation]")->type_name("NAME");
  app.add_option("--threads", flags->threads, "CPU threads; 0: all [0]")->type_name("N");
  app.add_flag("--json", flags->json, "one JSON line instead of a table");
  return [flags] { return evaluate_run(*flags); };
}

}  // namespace octet::tools
