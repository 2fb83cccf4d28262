#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/cpu/thread_pool.h"
#include "tools/atomic_file.h"
#include "tools/checkpoint.h"
#include "tools/commands/declare.h"
#include "tools/config_file.h"
#include "tools/config_flags.h"
#include "tools/config_json.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/signals.h"
#include "tools/version.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// The log in the run's folder or at --log, and with --json standard output as well.
class RunLog {
 public:
  RunLog(const TrainConfig& config, const std::string& path, bool append) : file_(path, append) {
    if (config.json) output_ = std::make_unique<JsonLines>(1, "standard output");
  }
  template <class Write>
  void write(const Write& write) {
    write(file_);
    if (output_) write(*output_);
  }
  int64_t bytes() const { return file_.bytes(); }

 private:
  JsonLines file_;
  std::unique_ptr<JsonLines> output_;
};

// What stands beside the settings in the log and the config file: enough to know what was run on what.
Json facts(const TextData& data, const Trainer& trainer) {
  return {{"build", build_text()},
          {"threads", cpu::thread_count()},
          {"data_source", data.source},
          {"data_sha256", data.sha256},
          {"generated", data.generated},
          {"train_rows", data.train.rows()},
          {"validation_rows", data.validation.rows()},
          {"vocabulary", data.vocabulary.size()},
          {"parameters", const_cast<Trainer&>(trainer).model().parameter_count()},
          {"state_bytes", const_cast<Trainer&>(trainer).optimizer().state_bytes()}};
}

std::string config_text(const TrainConfig& config, const Json& run) {
  std::string text = "# The settings of an octet run; octet train --config FILE repeats it.\n";
  for (const auto& [key, value] : run.items()) text += "# " + key + " " + value.dump() + "\n";
  return text + to_toml(config);
}

class Run {
 public:
  Run(TrainConfig config, RunFolder folder, const Checkpoint* checkpoint)
      : config_(std::move(config)),
        folder_(std::move(folder)),
        data_(load_text_data(
            config_, checkpoint ? std::optional(Vocabulary::load(folder_.vocabulary(), ErrorKind::Checkpoint))
                                : std::nullopt)),
        trainer_(config_, data_),
        log_path_(config_.log.empty() ? folder_.log() : config_.log),
        log_(config_, prepared_log(checkpoint), checkpoint != nullptr) {
    if (checkpoint) restore(*checkpoint, trainer_, data_);
  }

  int go(bool resumed) {
    const SignalWatch signals;
    std::FILE* out = config_.json ? stderr : stdout;
    Progress progress(out, ProgressStyle::of(out),
                      {config_.epochs, trainer_.steps_per_epoch(), config_.log_every,
                       data_.generated ? "generated: " : ""});
    announce(progress, resumed);
    while (!trainer_.done()) {
      const bool finished = trainer_.train_epoch(
          [&](const StepReport& report) {
            progress.step(report.epoch, report.step, report.rows, report.loss,
                          [] { return ledger(Device::cpu()).use().live; });
          },
          [&] { return signals.stop_requested(); });
      if (finished) finish_epoch(progress);
      if (!signals.stop_requested() || trainer_.done()) continue;
      save();
      log_.write([&](JsonLines& log) { log.end(trainer_.end_event("interrupted")); });
      progress.note("stopped; go on with: octet train --resume " + folder_.path);
      return signals.exit_code();
    }
    log_.write([&](JsonLines& log) { log.end(trainer_.end_event("ok")); });
    const RunState& state = trainer_.state();
    progress.note(fmt::format(
        "best epoch {}: val loss {:.4f}. Last epoch {}: val loss {:.4f}, val accuracy {:.2f} %, {} in all",
        state.best_epoch, state.best_loss, state.epoch, state.val_loss, 100 * state.val_accuracy,
        format_duration(state.seconds)));
    progress.note("saved to " + folder_.path);
    return 0;
  }

 private:
  // A resumed run writes on from where its checkpoint stood: later lines are of steps that are done again.
  std::string prepared_log(const Checkpoint* checkpoint) const {
    std::error_code error;
    if (checkpoint && std::filesystem::exists(log_path_, error) &&
        static_cast<int64_t>(std::filesystem::file_size(log_path_, error)) > checkpoint->log_bytes)
      std::filesystem::resize_file(log_path_, static_cast<uintmax_t>(checkpoint->log_bytes), error);
    require(!error, ErrorKind::Internal, log_path_, ": cannot write the log: ", error.message());
    return log_path_;
  }

  void announce(Progress& progress, bool resumed) {
    const Json run = facts(data_, trainer_);
    progress.note(fmt::format("{}: {} rows to train, {} to validate, from {}", config_.task,
                              format_count(data_.train.rows()), format_count(data_.validation.rows()),
                              data_.source));
    progress.note(fmt::format("vocabulary {}, {} parameters, {} with {} state ({}), {} on {} thread{}",
                              format_count(data_.vocabulary.size()),
                              format_count(run.at("parameters").get<int64_t>()), config_.optimizer,
                              config_.state, format_bytes(run.at("state_bytes").get<int64_t>()),
                              config_.device, cpu::thread_count(), cpu::thread_count() == 1 ? "" : "s"));
    if (resumed) {
      progress.note(
          fmt::format("goes on behind epoch {}, step {}", trainer_.state().epoch, trainer_.state().batch));
      return;
    }
    write_atomically(folder_.config(), config_text(config_, run));
    write_atomically(folder_.vocabulary(), data_.vocabulary.text());
    Json start = to_json(config_);
    start.update(run);
    log_.write([&](JsonLines& log) { log.start(start); });
  }

  void finish_epoch(Progress& progress) {
    const EpochEvent event = trainer_.finish_epoch();
    progress.epoch(event);
    log_.write([&](JsonLines& log) { log.epoch(event); });
    if (trainer_.state().best_epoch == event.epoch)
      save_weights(folder_.best(), trainer_.model(), config_, data_);
    save();
  }

  void save() {
    save_weights(folder_.last(), trainer_.model(), config_, data_);
    save_checkpoint(folder_.checkpoint(), trainer_, config_, data_, log_.bytes());
  }

  TrainConfig config_;
  RunFolder folder_;
  TextData data_;
  Trainer trainer_;
  std::string log_path_;
  RunLog log_;
};

int train(const TrainFlags& flags) {
  TrainConfig config = flags.resolve();
  if (config.resume.empty()) {
    require(!config.task.empty(), "octet train: no task named; name one of: ", kTasks[0]);
    cpu::set_thread_count(static_cast<int>(config.threads));
    return Run(config, new_run_folder(config.out), nullptr).go(false);
  }
  const RunFolder folder{config.resume};
  const Checkpoint checkpoint = read_checkpoint(folder.checkpoint());
  TrainConfig resumed = flags.resolve(checkpoint.config);
  resumed.out = checkpoint.config.out;
  const std::string_view changed = first_difference(checkpoint.config, resumed);
  require(changed.empty(), ErrorKind::Usage, folder.path, ": a resumed run keeps its settings, but ",
          changed.empty() ? "" : flag_name(changed), " differs; leave it out, or start a run of its own");
  cpu::set_thread_count(static_cast<int>(resumed.threads));
  Run run(resumed, folder, &checkpoint);
  return run.go(true);
}

}  // namespace

std::function<int()> declare_train(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>(app);
  return [flags] { return train(*flags); };
}

}  // namespace octet::tools
