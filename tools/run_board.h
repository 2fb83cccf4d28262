// What a training run tells TensorBoard: by epoch, and with --log-every by step.
#pragma once

#include <optional>

#include "optim/schedule.h"
#include "tools/config.h"
#include "tools/events.h"
#include "tools/tensorboard.h"

namespace octet::tools {

// Tags: loss/train, loss/validation, accuracy/validation, memory/<tag>, memory/peak, lr, seconds/epoch,
// seconds/train and throughput/rows_per_second after each epoch; step/loss, step/lr and
// step/rows_per_second after each --log-every steps. All are put down at the number of steps done in all, so
// that runs of different batch size can be laid over each other. Does nothing without --tensorboard.
class RunBoard {
 public:
  // Errors (Internal): the folder cannot be written to.
  explicit RunBoard(const TrainConfig& config);

  // `settings` as in config.toml; `steps_done` of a run that goes on, else 0.
  void start(const std::string& settings, int64_t steps_per_epoch, int64_t train_rows, int64_t steps_done);
  void step(int64_t epoch, int64_t step, int64_t rows, double loss);
  void epoch(const EpochEvent& event);

 private:
  double lr_of(int64_t step) const;  // that step number `step`, from 1, was taken with

  const TrainConfig& config_;
  std::optional<TensorBoardFile> file_;
  optim::Schedule schedule_;
  int64_t per_epoch_ = 0, train_rows_ = 0;
  int64_t rows_ = 0;  // since the last look at the clock
  double since_ = 0;
};

}  // namespace octet::tools
