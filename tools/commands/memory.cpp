#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "core/cpu/thread_pool.h"
#include "core/names.h"
#include "tools/byte_size.h"
#include "tools/commands/declare.h"
#include "tools/config_flags.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/memory_fit.h"
#include "tools/memory_text.h"
#include "tools/rule_settings.h"
#include "tools/tasks.h"
#include "tools/trainer.h"

namespace octet::tools {
namespace {

// What there is beside the settings of the run.
struct MemoryOptions {
  bool explain = false;
  bool measure = false;
  std::string fit;
  std::string grow = "hidden";
  int64_t vocabulary = 0;
  int64_t longest = 0;
  int64_t tokens = 0;
  int64_t classes = 2;

  template <class V>
  void visit(V&& v) {
    v(Field{"explain", "every tensor at the peak: name, shape, type and bytes"}, explain, Switch{});
    v(Field{"measure", "also take a step on each of the largest batches, and show what the ledger counts"},
      measure, Switch{});
    v(Field{"fit", "memory that the largest model is sought for: 16GiB, 500MB; empty: none is"}, fit,
      Text{"SIZE"});
    v(Field{"grow", "with --fit: the setting that grows"}, grow, Choice{kGrowing});
    v(Field{"vocabulary", "without data: ids; 0: read the data set"}, vocabulary, Range{0, 1e9});
    v(Field{"longest", "without data: ids of the longest text; 0: --max-length"}, longest, Range{0, 1e6});
    v(Field{"tokens", "without data: ids in the largest batch; 0: all texts are as long as the longest"},
      tokens, Range{0, 1e12});
    v(Field{"classes", "without data: labels"}, classes, Range{2, 1e6});
  }
};

// The data of a run, if it is looked at, and the sizes of its batches.
class Source {
 public:
  Source(const TrainConfig& config, const MemoryOptions& options) : options_(options) {
    const bool assumed = options.vocabulary > 0;
    require(assumed || (options.longest == 0 && options.tokens == 0 && options.classes == 2),
            ErrorKind::Usage,
            "--longest, --tokens and --classes are for a run without data: give --vocabulary too");
    require(!assumed || !options.measure, ErrorKind::Usage,
            "--measure needs the data set: leave --vocabulary out");
    if (!assumed) data_ = load_text_data(config);
  }
  const TextData& data() const { return *data_; }
  bool generated() const { return data_ && data_->generated; }
  Workload work(const TrainConfig& config) const {
    if (data_) return workload_of(config, *data_);
    return workload_of(config, AssumedData{.vocabulary = options_.vocabulary,
                                           .classes = options_.classes,
                                           .longest = options_.longest ? options_.longest : config.max_length,
                                           .tokens = options_.tokens});
  }

 private:
  const MemoryOptions& options_;
  std::optional<TextData> data_;
};

std::string text_of(const TrainConfig& config, const MemoryForecast& told, const Workload& work,
                    const MemoryOptions& options, const std::vector<CodecForecast>& codecs) {
  std::string text =
      fmt::format("{}: {} parameters, {}, batches of {}, on {}\n", config.task, format_count(told.parameters),
                  optimizer_text(config), config.batch_size, config.device);
  text += fmt::format("predicted: a peak of {}, {} (phase: {})\n\n", exact_bytes(told.peak),
                      mebibytes(told.peak), told.phase);
  text += tag_table(told) + "\n";
  const auto per_parameter = [&](int64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(told.parameters);
  };
  text += fmt::format("optimizer state: {:.2f} bytes a parameter, weights: {:.2f}\n\n",
                      per_parameter(told.state_bytes), per_parameter(told.weight_bytes));
  if (options.explain)
    text +=
        tensor_table(told) + fmt::format("vocabulary {}; the ledger counts multiples of {} bytes\n\n",
                                         format_count(work.vocabulary), config.device == "cpu" ? 64 : 256);
  text += codec_table(told, codecs, !config.state_override.empty());
  for (const std::string& note : told.not_known) text += "not known: " + note + "\n";
  return text;
}

std::string text_of(const Fit& fit, const MemoryOptions& options) {
  const auto bytes = parse_bytes(options.fit, "--fit");
  std::string text = fmt::format("the largest model that fits {} ({}): {} {}", options.fit,
                                 exact_bytes(bytes), flag_name(options.grow), fit.value);
  text += fit.next_peak ? fmt::format("; {} would need {}", fit.value + 1, exact_bytes(fit.next_peak))
                        : std::string("; the setting can be no larger");
  return text + ". The program itself and freed blocks that are kept for reuse come on top.\n";
}

void print(const std::string& text, bool generated) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    std::printf("%s%s\n", generated ? "generated: " : "", line.c_str());
}

MemoryUse measure(const TrainConfig& config, const TextData& data, const Workload& work) {
  Trainer trainer(config, data);
  trainer.rehearse(work);
  return trainer.state().memory;
}

int memory(TrainConfig config, const MemoryOptions& options) {
  require(config.resume.empty(), ErrorKind::Usage, "--resume ", config.resume,
          ": a forecast is of settings; --config ", config.resume, "/config.toml has those of that run");
  require(!config.task.empty(), "octet memory: no task named; name one of: ", join(kTasks));
  task_of(config);
  cpu::set_thread_count(static_cast<int>(config.threads));
  const Source source(config, options);
  std::optional<Fit> fit;
  if (!options.fit.empty()) {
    fit = largest_fit(config, options.grow, parse_bytes(options.fit, "--fit"),
                      [&](const TrainConfig& c) { return source.work(c); });
    config = fit->config;
  }
  const Workload work = source.work(config);
  const MemoryForecast told = forecast(config, work);
  const std::vector<CodecForecast> codecs = forecast_codecs(config, work);
  std::optional<MemoryUse> measured;
  if (options.measure) measured = measure(config, source.data(), work);
  if (config.json) {
    nlohmann::ordered_json json = to_json(told, codecs, options.explain);
    if (measured)
      json.update({{"measured_by_tag", to_json(measured->at_peak)}, {"measured_peak", measured->peak_total}});
    if (fit) {
      json["fit"] = {{"setting", options.grow}, {"value", fit->value}};
      if (fit->next_peak) json["fit"]["next_peak"] = fit->next_peak;
    }
    json["weight_dtype"] = config.weight_dtype;
    if (source.generated()) json["generated"] = true;
    std::printf("%s\n", json.dump().c_str());
    return 0;
  }
  std::string text = fit ? text_of(*fit, options) : "";
  text += text_of(config, told, work, options, codecs);
  if (measured) text += "\n" + measured_table(told, *measured);
  print(text, source.generated());
  return 0;
}

}  // namespace

std::function<int()> declare_memory(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>(app);
  const auto own = std::make_shared<FieldFlags>(app);
  own->declare(MemoryOptions());
  return [flags, own] {
    MemoryOptions options;
    own->apply(options);
    return memory(flags->resolve(), options);
  };
}

}  // namespace octet::tools
