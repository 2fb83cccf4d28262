#include "tools/run_board.h"

#include <algorithm>
#include <chrono>

namespace octet::tools {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

RunBoard::RunBoard(const TrainConfig& config) : config_(config) {
  if (!config.tensorboard.empty()) file_.emplace(config.tensorboard);
}

void RunBoard::start(const std::string& settings, int64_t steps_per_epoch, int64_t train_rows,
                     int64_t steps_done) {
  if (!file_) return;
  per_epoch_ = steps_per_epoch, train_rows_ = train_rows;
  schedule_ = {optim::schedule_kind(config_.schedule), config_.warmup_steps,
               config_.epochs * steps_per_epoch};
  if (steps_done > 0) file_->resumed_after(steps_done);
  // Four spaces make a block of code of it, so nothing in it is taken for markup.
  std::string markdown = "    ";
  for (const char c : settings) markdown += c == '\n' ? std::string("\n    ") : std::string(1, c);
  file_->text(steps_done, "settings", markdown);
  since_ = now();
}

double RunBoard::lr_of(int64_t step) const { return config_.lr * schedule_.factor(step - 1); }

void RunBoard::step(int64_t epoch, int64_t step, int64_t rows, double loss) {
  if (!file_) return;
  rows_ += rows;
  if (config_.log_every == 0 || step % config_.log_every != 0) return;
  const double seconds = now() - since_;
  const int64_t steps = (epoch - 1) * per_epoch_ + step;
  file_->scalars(steps, {{"step/loss", loss},
                         {"step/lr", lr_of(steps)},
                         {"step/rows_per_second", static_cast<double>(rows_) / std::max(seconds, 1e-9)}});
  rows_ = 0;
  since_ = now();
}

void RunBoard::epoch(const EpochEvent& event) {
  if (!file_) return;
  Scalars values = {
      {"loss/train", event.train_loss},
      {"loss/validation", event.val_loss},
      {"accuracy/validation", event.val_accuracy},
      {"lr", lr_of(event.epoch * per_epoch_)},
      {"seconds/epoch", event.seconds},
      {"seconds/train", event.train_seconds},
      {"throughput/rows_per_second", static_cast<double>(train_rows_) / std::max(event.train_seconds, 1e-9)},
      {"memory/peak", static_cast<double>(event.peak_bytes)}};
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    values.emplace_back("memory/" + std::string(name_of(static_cast<MemoryTag>(tag))),
                        static_cast<double>(event.peak_by_tag[tag]));
  file_->scalars(event.epoch * per_epoch_, values);
  rows_ = 0;
  since_ = now();  // validation is no part of a step's time
}

}  // namespace octet::tools
