#include "tools/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/ledger.h"
#include "tools/answers.h"
#include "tools/atomic_file.h"
#include "tools/config_file.h"
#include "tools/config_json.h"
#include "tools/format.h"
#include "tools/memory_timeline.h"
#include "tools/metrics.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/resumed_folder.h"
#include "tools/run_board.h"
#include "tools/run_facts.h"
#include "tools/run_folder.h"
#include "tools/run_log.h"
#include "tools/signals.h"

namespace octet::tools {
namespace {

using Json = nlohmann::ordered_json;

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

// Whether a file holds this config, but for where a run reads and writes and what it shows.
bool holds(const std::string& path, const TrainConfig& config) {
  TrainConfig read;
  try {
    apply_config_file(read, path);
  } catch (const Error&) {
    return false;
  }
  return first_difference(read, config).empty() &&
         first_difference(read, config, Affects::StateFormat).empty();
}

class Run {
 public:
  // A new run: its folder and log are made once all that it reads has been found good.
  explicit Run(TrainConfig config)
      : config_(std::move(config)),
        data_(load_text_data(config_)),
        trainer_(config_, data_),
        board_(config_),
        folder_(new_run_folder(config_.out)),
        hold_(folder_.path) {
    require_no_run(folder_);  // another one may have come and gone before it was held
    keep_columns();
    if (data_.vectors) data_.vectors->glove.values = {};  // the model has them
    open_log(false);
    write_atomically(folder_.config(), config_text(config_, run_facts(data_, trainer_)));
    write_atomically(folder_.vocabulary(), data_.encoder.text());
    log_start();
    save_checkpoint(folder_.checkpoint(), trainer_, config_, data_,
                    log_->bytes());  // a first epoch may be long
  }

  // Goes on from a checkpoint, whose folder is held.
  Run(TrainConfig config, Checkpoint checkpoint, FolderHold hold)
      : config_(std::move(config)),
        data_(load_text_data(config_, RunFolder{config_.resume}.own_vocabulary())),
        trainer_(config_, data_),
        board_(config_),
        folder_{config_.resume},
        hold_(std::move(hold)),
        resumed_(true) {
    const std::vector<ConfigChange> formats = changes(checkpoint.config, config_, Affects::StateFormat);
    for (const ConfigChange& format : formats)
      changes_.push_back(
          fmt::format("{} {}, it was {}", flag_name(format.name), format.after, format.before));
    for (std::string& conversion : restore(checkpoint, trainer_, data_))
      changes_.push_back(std::move(conversion));
    data_.glove_sha256 = checkpoint.glove_sha256;
    seconds_before_ = trainer_.state().seconds;
    if (!formats.empty()) trainer_.state().memory = {};  // from here on it needs another amount
    const ResumedFolder found(folder_, config_, checkpoint, changes_);
    if (trainer_.done()) {  // before the log is cut
      mend_config();
      found.mend_weights(data_);
    }
    const bool append = found.log_goes_on();
    if (append) RunLog::cut(log_path(), checkpoint.log_bytes);
    open_log(append);
    if (!append || !formats.empty()) {
      log_start();
      // At once, so that a run that is killed before its next checkpoint has not changed by half. The config
      // comes last: a checkpoint mends it.
      save_checkpoint(folder_.checkpoint(), trainer_, config_, data_, log_->bytes());
    }
    mend_config();
    if (!trainer_.done() && !found.mend_weights(data_)) trainer_.forget_best();
    // Without the checkpoint's own bytes, the peak is that of a run that was never stopped.
    checkpoint.tensors = {};
    ledger(trainer_.device()).reset_peaks();
  }

  int go() {
    const SignalWatch signals;
    std::FILE* out = config_.json ? stderr : stdout;
    Progress progress(out, ProgressStyle::of(out),
                      {.epochs = config_.epochs,
                       .steps_per_epoch = trainer_.steps_per_epoch(),
                       .log_every = config_.log_every,
                       .rows_per_epoch = data_.train.rows(),
                       .prefix = data_.generated ? "generated: " : ""});
    announce(progress);
    board_.start(config_text(config_, run_facts(data_, trainer_)), trainer_.steps_per_epoch(),
                 data_.train.rows(), trainer_.state().steps);
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
    const bool finite = std::isfinite(trainer_.state().val_loss);
    log_end(finite ? "ok" : "non-finite");
    write_report(progress);
    if (config_.task == "text") show_answers(progress);
    const RunState& state = trainer_.state();
    progress.note(fmt::format(
        "best epoch {}: val loss {}. Last epoch {}: val loss {}, val accuracy {:.2f} %, {} in all",
        state.best_epoch, format_fixed(state.best_loss, 4), state.epoch, format_fixed(state.val_loss, 4),
        100 * state.val_accuracy, format_duration(state.seconds)));
    progress.note("memory at the peak of " + format_bytes(state.memory.peak_total) + ": " +
                  format_tags(state.memory.at_peak));
    note_skipped(progress);
    progress.note("saved to " + folder_.path);
    require(finite, ErrorKind::NonFinite, folder_.path, ": the validation loss of the last epoch is not ",
            "finite, so its weights are of no use; a smaller --lr or --clip-norm may help");
    return 0;
  }

 private:
  std::string log_path() const { return folder_.log(config_.log); }

  void open_log(bool append) {
    log_.emplace(log_path(), RunLog::Options{append, config_.json, data_.generated});
  }

  void log_start() {
    Json start = {{"event", "start"}};
    start.update(to_json(config_));
    start.update(run_facts(data_, trainer_));
    log_->write(std::move(start));
  }

  void log_answers() {
    if (!trainer_.evaluation().probability.empty())
      log_->write(to_json(answers_of(data_, trainer_.evaluation())));
  }

  // The rows that nothing was chosen by, with the weights that octet predict takes.
  void log_test(Progress& progress) {
    if (data_.test.rows() == 0 || !std::isfinite(trainer_.state().best_loss)) return;
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
        "test, {} rows, best weights: loss {}, accuracy {:.2f} %, macro F1 {:.4f}, weighted F1 {:.4f}",
        format_count(event.rows), format_fixed(event.loss, 4), 100 * event.accuracy, event.macro_f1,
        event.weighted_f1));
  }

  void mend_config() const {
    if (!holds(folder_.config(), config_))
      write_atomically(folder_.config(), config_text(config_, run_facts(data_, trainer_)));
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

  void announce(Progress& progress) const {
    for (const std::string& line : opening_lines(config_, data_, trainer_)) progress.note(line);
    const RunState& state = trainer_.state();
    if (trainer_.done())
      progress.note(fmt::format("the run was finished after epoch {}; nothing is trained", state.epoch));
    else if (resumed_)
      progress.note(fmt::format("goes on behind epoch {}, step {}", state.epoch, state.batch));
    for (const std::string& line : changes_) progress.note(line);
  }

  void note_skipped(Progress& progress) const {
    if (const int64_t skipped = trainer_.optimizer().skipped_steps())
      progress.note(format_count(skipped) + " of " + format_count(trainer_.state().steps) +
                    " steps were skipped: their gradients were not finite, or too large");
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
      save_weights(folder_.best(), trainer_.result().state(), config_, data_);
    save();
  }

  void save() {
    save_weights(folder_.last(), trainer_.result().state(), config_, data_);
    save_checkpoint(folder_.checkpoint(), trainer_, config_, data_, log_->bytes());
  }

  double begun_ = now();
  TrainConfig config_;
  TextData data_;
  Trainer trainer_;
  RunBoard board_;
  RunFolder folder_;
  FolderHold hold_;
  bool resumed_ = false;
  double seconds_before_ = 0;  // of the run before this session
  StepTimeline timeline_{trainer_.device(), trainer_.largest_step()};
  std::vector<std::string> changes_;  // of settings, weights and state since the checkpoint, for people
  std::optional<RunLog> log_;
};

}  // namespace

int begin_run(const TrainConfig& config) { return Run(config).go(); }

int go_on_with_run(const TrainConfig& config, Checkpoint checkpoint, FolderHold hold) {
  return Run(config, std::move(checkpoint), std::move(hold)).go();
}

}  // namespace octet::tools
