#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/cpu/thread_pool.h"
#include "tools/answers.h"
#include "tools/atomic_file.h"
#include "tools/checkpoint.h"
#include "tools/commands/declare.h"
#include "tools/config_file.h"
#include "tools/config_flags.h"
#include "tools/config_json.h"
#include "tools/format.h"
#include "tools/jsonl.h"
#include "tools/memory_timeline.h"
#include "tools/metrics.h"
#include "tools/names.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/run_board.h"
#include "tools/run_folder.h"
#include "tools/signals.h"
#include "tools/version.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

// The log in the run's folder or at --log, and with --json standard output as well.
class RunLog {
 public:
  RunLog(const std::string& path, bool append, bool json_on_output, bool generated)
      : file_(path, append), generated_(generated) {
    if (json_on_output) output_ = std::make_unique<JsonLines>(1, "standard output");
  }
  void write(Json event) {
    if (generated_) event["generated"] = true;
    file_.write(event);
    if (output_) output_->write(event);
  }
  int64_t bytes() const { return file_.bytes(); }

 private:
  JsonLines file_;
  std::unique_ptr<JsonLines> output_;
  bool generated_;
};

// What stands beside the settings in the log and the config file: enough to know what was run on what.
Json facts(const TextData& data, const Trainer& trainer) {
  Json facts = {{"build", build_text()},
                {"device_name", describe(trainer.device())},
                {"threads", cpu::thread_count()},
                {"data_source", data.source},
                {"data_sha256", data.sha256},
                {"generated", data.generated},
                {"labels", data.label_names},
                {"train_rows", data.train.rows()},
                {"validation_rows", data.validation.rows()},
                {"vocabulary", data.encoder.size()},
                {"parameters", trainer.model().parameter_count()},
                {"state_bytes", trainer.optimizer().state_bytes()}};
  if (data.test.rows() > 0) facts["test_rows"] = data.test.rows();
  if (!data.glove_sha256.empty()) facts["glove_sha256"] = data.glove_sha256;
  if (data.vectors)
    facts.update({{"glove_words", data.vectors->words},
                  {"glove_as_written", data.vectors->as_written},
                  {"glove_lower_cased", data.vectors->lower_cased},
                  {"glove_token_share", data.vectors->token_share}});
  return facts;
}

std::string config_text(const TrainConfig& config, const Json& run) {
  std::string text = "# The settings of an octet run; octet train --config FILE repeats it.\n";
  for (const auto& [key, value] : run.items()) text += "# " + key + " " + value.dump() + "\n";
  // Where this run writes is no setting of its repetition, which would write over it.
  TrainConfig repeatable = config;
  repeatable.out.clear();
  repeatable.log.clear();
  repeatable.tensorboard.clear();
  repeatable.resume.clear();
  repeatable.json = false;
  return text + to_toml(repeatable);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// How the last epoch's model answered on the validation rows.
Answers answers_of(const TextData& data, const Evaluation& evaluation) {
  const std::vector<int32_t> answer = evaluation.answers();
  std::vector<double> certainty;
  for (size_t row = 0; row < answer.size(); ++row) certainty.push_back(evaluation.certainty(row));
  return make_answers(data.label_names, data.validation.labels, answer, certainty,
                      [&](size_t row) { return data.validation.texts[row]; });
}

class Run {
 public:
  // A new run: its folder and log are made once all that it reads has been found good.
  explicit Run(TrainConfig config)
      : config_(std::move(config)),
        data_(load_text_data(config_)),
        trainer_(config_, data_),
        board_(config_),
        folder_(new_run_folder(config_.out)) {
    keep_columns();
    if (data_.vectors) data_.vectors->glove.values = {};  // the model has them
    open_log(false);
    write_atomically(folder_.config(), config_text(config_, facts(data_, trainer_)));
    write_atomically(folder_.vocabulary(), data_.encoder.text());
    log_start();
    save_checkpoint(folder_.checkpoint(), trainer_, config_, data_,
                    log_->bytes());  // a first epoch may be long
  }

  // Goes on from a checkpoint.
  Run(TrainConfig config, Checkpoint checkpoint)
      : config_(std::move(config)),
        data_(load_text_data(config_, RunFolder{config_.resume}.vocabulary())),
        trainer_(config_, data_),
        board_(config_),
        folder_{config_.resume},
        resumed_(true) {
    conversion_ = restore(checkpoint, trainer_, data_);
    data_.glove_sha256 = checkpoint.glove_sha256;
    seconds_before_ = trainer_.state().seconds;
    const bool same_log = config_.log == checkpoint.config.log;
    if (same_log) cut_log(checkpoint.log_bytes);
    open_log(same_log);
    const bool same_format = first_difference(checkpoint.config, config_, Affects::StateFormat).empty();
    if (!same_format) write_atomically(folder_.config(), config_text(config_, facts(data_, trainer_)));
    if (!same_log || !same_format) log_start();
    // Without the checkpoint's own bytes, the peak is that of a run that was never stopped.
    checkpoint.tensors = {};
    ledger(trainer_.device()).reset_peaks();
  }

  int go() {
    const SignalWatch signals;
    std::FILE* out = config_.json ? stderr : stdout;
    Progress progress(out, ProgressStyle::of(out),
                      {config_.epochs, trainer_.steps_per_epoch(), config_.log_every,
                       data_.generated ? "generated: " : ""});
    announce(progress);
    board_.start(config_text(config_, facts(data_, trainer_)), trainer_.steps_per_epoch(), data_.train.rows(),
                 trainer_.state().steps);
    while (!trainer_.done()) {
      if (train_epoch(progress, signals)) finish_epoch(progress);
      if (!signals.stop_requested() || trainer_.done()) continue;
      save();
      log_end("interrupted");
      write_report(progress);
      progress.note("stopped; go on with: octet train --resume " + folder_.path);
      return signals.exit_code();
    }
    log_test(progress);
    log_end("ok");
    write_report(progress);
    if (config_.task == "text") show_answers(progress);
    const RunState& state = trainer_.state();
    progress.note(fmt::format(
        "best epoch {}: val loss {:.4f}. Last epoch {}: val loss {:.4f}, val accuracy {:.2f} %, {} in all",
        state.best_epoch, state.best_loss, state.epoch, state.val_loss, 100 * state.val_accuracy,
        format_duration(state.seconds)));
    progress.note("memory at the peak of " + format_bytes(state.memory.peak_total) + ": " +
                  format_tags(state.memory.at_peak));
    progress.note("saved to " + folder_.path);
    return 0;
  }

 private:
  std::string log_path() const { return config_.log.empty() ? folder_.log() : config_.log; }

  void open_log(bool append) { log_.emplace(log_path(), append, config_.json, data_.generated); }

  void log_start() {
    Json start = {{"event", "start"}};
    start.update(to_json(config_));
    start.update(facts(data_, trainer_));
    log_->write(std::move(start));
  }

  void log_answers() {
    if (!trainer_.evaluation().probability.empty())
      log_->write(to_json(answers_of(data_, trainer_.evaluation())));
  }

  // The rows that nothing was chosen by, with the weights that octet predict takes.
  void log_test(Progress& progress) {
    if (data_.test.rows() == 0) return;
    const TrainedModel best = load_trained(folder_.path, "best", config_.device);
    const Evaluation answers =
        evaluate(*best.model, data_.test, trainer_.form(), config_.batch_size, trainer_.device());
    const ClassificationMetrics metrics =
        classification_metrics(data_.test.labels, answers.answers(), answers.classes);
    const TestEvent event{.rows = data_.test.rows(),
                          .loss = answers.loss,
                          .accuracy = answers.accuracy,
                          .macro_f1 = metrics.macro_f1,
                          .weighted_f1 = metrics.weighted_f1};
    log_->write(to_json(event));
    progress.note(fmt::format(
        "test, {} rows, best weights: loss {:.4f}, accuracy {:.2f} %, macro F1 {:.4f}, weighted F1 {:.4f}",
        format_count(event.rows), event.loss, 100 * event.accuracy, event.macro_f1, event.weighted_f1));
  }

  void show_answers(Progress& progress) const {
    if (trainer_.evaluation().probability.empty()) return;  // of a run that was over already
    progress.note(
        fmt::format("after the last epoch, on {} validation rows:", format_count(data_.validation.rows())));
    for (const std::string& line : lines_about(answers_of(data_, trainer_.evaluation()))) progress.note(line);
  }

  // What was guessed of a file is a setting of the run from then on.
  void keep_columns() {
    const ColumnFlags& columns = data_.columns;
    if (columns.text.empty()) return;
    config_.text_column = columns.text;
    config_.label_column = columns.label;
    if (columns.header != Header::Auto) config_.header = columns.header == Header::Yes ? "yes" : "no";
  }

  void log_end(const char* status) {
    if (!trainer_.done()) log_answers();
    Json end = to_json(trainer_.end_event(status));
    const double trained = trainer_.state().seconds - seconds_before_;
    end["other_seconds"] = std::max(0.0, now() - begun_ - trained);  // reading, saving, writing
    log_->write(std::move(end));
  }

  // From what the run left in its folder, as octet report does it.
  void write_report(Progress& progress) const {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(log_path(), ignored)) {
      progress.note("no report.html: the log, " + log_path() + ", is no file to read it from");
      return;
    }
    write_atomically(folder_.report(), report_html(read_report(folder_.path, log_path()), folder_.path));
  }

  // A resumed run writes on from where its checkpoint stood: later lines are of steps that are done again.
  void cut_log(int64_t bytes) const {
    std::error_code error;
    if (!std::filesystem::is_regular_file(log_path(), error)) return;  // a pipe, or gone
    if (static_cast<int64_t>(std::filesystem::file_size(log_path(), error)) > bytes)
      std::filesystem::resize_file(log_path(), static_cast<uintmax_t>(bytes), error);
    require(!error, ErrorKind::Internal, log_path(), ": cannot write the log: ", error.message());
  }

  void announce(Progress& progress) const {
    const Json run = facts(data_, trainer_);
    const std::string test =
        data_.test.rows() > 0 ? fmt::format(", {} to test", format_count(data_.test.rows())) : "";
    progress.note(fmt::format("{}: {} rows to train, {} to validate{}, from {}", config_.task,
                              format_count(data_.train.rows()), format_count(data_.validation.rows()), test,
                              data_.source));
    progress.note(fmt::format("vocabulary {}, {} parameters, {} with {} state ({}), {} on {} thread{}",
                              format_count(data_.encoder.size()),
                              format_count(run.at("parameters").get<int64_t>()), config_.optimizer,
                              config_.state, format_bytes(run.at("state_bytes").get<int64_t>()),
                              config_.device, cpu::thread_count(), cpu::thread_count() == 1 ? "" : "s"));
    for (const std::string& note : data_.notes) progress.note(note);
    if (data_.vectors)
      for (const std::string& line : lines_about(*data_.vectors)) progress.note(line);
    if (config_.freeze_embedding)
      progress.note(std::string("the embedding is frozen: it keeps ") +
                    (config_.glove.empty() ? "its random vectors, as no --glove is given" : "its vectors"));
    if (!trainer_.device().is_cpu()) progress.note(describe(trainer_.device()));
    if (config_.precision == "bf16")
      progress.note(
          "precision bf16: matrix products; the recurrence of the LSTM stays in fp32 (with more than "
          "128 units cuDNN runs it in tf32)");
    if (resumed_)
      progress.note(
          fmt::format("goes on behind epoch {}, step {}", trainer_.state().epoch, trainer_.state().batch));
    if (!conversion_.empty()) progress.note(conversion_);
  }

  // False if a signal asked for an end.
  bool train_epoch(Progress& progress, const SignalWatch& signals) {
    try {
      timeline_.before(trainer_.state().epoch + 1, trainer_.state().batch + 1);
      return trainer_.train_epoch(
          [&](const StepReport& report) {
            if (const auto timeline = timeline_.after(report.rows)) log_->write(to_json(*timeline));
            timeline_.before(report.epoch, report.step + 1);
            board_.step(report.epoch, report.step, report.rows, report.loss);
            progress.step(report.epoch, report.step, report.rows, report.loss,
                          [this] { return ledger(trainer_.device()).use().live; });
          },
          [&] { return signals.stop_requested(); });
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::NonFinite) {
        log_end("non-finite");
        write_report(progress);
      }
      throw;
    }
  }

  void finish_epoch(Progress& progress) {
    const EpochEvent event = trainer_.finish_epoch();
    progress.epoch(event);
    log_->write(to_json(event));
    if (trainer_.done()) log_answers();  // before the checkpoint, which knows how much of the log stays
    board_.epoch(event);
    if (trainer_.state().best_epoch == event.epoch)
      save_weights(folder_.best(), trainer_.result(), config_, data_);
    save();
  }

  void save() {
    save_weights(folder_.last(), trainer_.result(), config_, data_);
    save_checkpoint(folder_.checkpoint(), trainer_, config_, data_, log_->bytes());
  }

  double begun_ = now();
  TrainConfig config_;
  TextData data_;
  Trainer trainer_;
  RunBoard board_;
  RunFolder folder_;
  bool resumed_ = false;
  double seconds_before_ = 0;  // of the run before this session
  StepTimeline timeline_{trainer_.device(), trainer_.largest_step()};
  std::string conversion_;  // of the state that it goes on from
  std::optional<RunLog> log_;
};

int resume(const TrainFlags& flags, const std::string& path) {
  const RunFolder folder{path};
  Checkpoint checkpoint = read_checkpoint(folder.checkpoint());
  const std::string& out = checkpoint.config.out;
  checkpoint.config.json = false;  // a matter of each call; there is no flag to switch it off
  TrainConfig config = flags.resolve(checkpoint.config);
  std::error_code ignored;
  require(config.out == out || config.out.empty() || std::filesystem::equivalent(config.out, path, ignored),
          ErrorKind::Usage, "--out ", config.out, ": a resumed run stays in its folder, ", path,
          "; leave --out away");
  config.out = out;
  const std::string_view changed = first_difference(checkpoint.config, config);
  require(changed.empty(), ErrorKind::Usage, path, ": a resumed run keeps its settings, but ",
          changed.empty() ? "" : flag_name(changed), " differs; leave it out, or start a run of its own");
  cpu::set_thread_count(static_cast<int>(config.threads));
  return Run(config, std::move(checkpoint)).go();
}

int train(const TrainFlags& flags) {
  const TrainConfig config = flags.resolve();
  if (!config.resume.empty()) return resume(flags, config.resume);
  require(!config.task.empty(), "octet train: no task named; name one of: ", join(kTasks));
  cpu::set_thread_count(static_cast<int>(config.threads));
  return Run(config).go();
}

}  // namespace

std::function<int()> declare_train(CLI::App& app) {
  const auto flags = std::make_shared<TrainFlags>(app);
  return [flags] { return train(*flags); };
}

}  // namespace octet::tools
