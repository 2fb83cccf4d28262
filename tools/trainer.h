// The training loop: steps, validation, checkpoints, and what it takes to go on from one as if nothing had
// happened.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "datasets/batches.h"
#include "nn/models/text_classifier.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "optim/weight_average.h"
#include "tools/collected.h"
#include "tools/evaluate.h"
#include "tools/events.h"
#include "tools/text_data.h"
#include "tools/workload.h"

namespace octet::tools {

// Everything that a run knows beside weights and optimizer state.
struct RunState {
  int64_t epoch = 0;                      // finished
  int64_t batch = 0;                      // steps done of the epoch after them
  int64_t steps = 0;                      // done in all, skipped ones included
  double loss_sum = 0;                    // of the steps done of this epoch
  uint64_t mask_position = 0;             // of the dropout stream
  double val_loss = 0, val_accuracy = 0;  // of the last finished epoch
  double best_loss = 0;                   // validation loss of the best epoch (0: none yet), by --best-by
  double best_score = 0;                  // what makes it the best: larger is better
  int64_t best_epoch = 0;
  double seconds = 0;        // training and validation so far, the unfinished epoch included
  double epoch_seconds = 0;  // training alone, of the unfinished epoch
  MemoryUse memory;          // the largest use so far; live counts are not kept

  // The one list of what a checkpoint holds of it.
  template <class V>
  void visit(V&& v) {
    v("epoch", epoch), v("batch", batch), v("steps", steps), v("loss_sum", loss_sum);
    v("mask_position", mask_position), v("val_loss", val_loss), v("val_accuracy", val_accuracy);
    v("best_loss", best_loss), v("best_score", best_score), v("best_epoch", best_epoch),
        v("seconds", seconds), v("epoch_seconds", epoch_seconds);
    v("peak_bytes", memory.peak_total), v("peak_by_tag", memory.at_peak), v("max_by_tag", memory.peak);
  }
};

// All epochs done, or --patience of them without a better one.
inline bool is_over(const TrainConfig& config, const RunState& state) {
  return state.epoch >= config.epochs ||
         (config.patience > 0 && state.epoch - state.best_epoch >= config.patience);
}

struct StepReport {
  int64_t epoch, step, rows;  // epoch and step from 1
  double loss;                // of the last step whose loss was read: on a GPU not of every one
};

// The batches of a run.
TrainingBatches training_batches(const TrainConfig& config, const EncodedTexts& texts);
// How many steps go by before their losses are read. On the CPU waiting costs nothing.
int64_t steps_unread(const TrainConfig& config, int64_t per_epoch);

class Trainer {
 public:
  // Both must outlive the trainer.
  Trainer(const TrainConfig& config, const TextData& data);

  TextClassifier& model() { return *model_; }
  const TextClassifier& model() const { return *model_; }
  // The moving average of the model's weights; null where none is kept.
  TextClassifier* averaged() { return averaged_.get(); }
  const TextClassifier* averaged() const { return averaged_.get(); }
  // The one of the two that is evaluated and saved as the result.
  const TextClassifier& result() const { return averaged_ ? *averaged_ : *model_; }
  optim::Optimizer& optimizer() { return optimizer_; }
  const optim::Optimizer& optimizer() const { return optimizer_; }
  RunState& state() { return state_; }
  const RunState& state() const { return state_; }
  Device device() const { return device_; }
  const ModelForm& form() const { return form_; }
  // Each takes `accumulate` batches, the last of an epoch those that are left.
  int64_t steps_per_epoch() const;
  bool done() const { return is_over(config_, state_); }
  // Of the first epoch, from 1: the one with the batch of the most tokens, which needs the most memory.
  int64_t largest_step() const;
  // Of the last epoch that was finished here; no probabilities before the first.
  const Evaluation& evaluation() const { return evaluation_; }

  // Goes on to the end of the epoch, or until `stop` says so after a step (then false is returned).
  // `after_step` is told of each step. A GPU is waited for every log_every steps only (0: at the end of the
  // epoch); a gradient that is not finite, or too large, is seen then, with weights and state as they were
  // before it. Errors: NonFinite, naming the first bad tensor or the norm.
  bool train_epoch(const std::function<void(const StepReport&)>& after_step,
                   const std::function<bool()>& stop);
  // The weights of the best epoch so far are lost: the next one is better than they are.
  void forget_best() { best_is_lost_ = true; }
  // Validation; finishes the epoch. The event has everything that the log wants.
  EpochEvent finish_epoch();
  EndEvent end_event(const std::string& status) const;

  // A step on each of the largest training batches (twice, if it adds to gradients) and a look at the
  // longest validation batches: what `octet memory` measures. `work` is of this data. Changes weights and
  // optimizer state.
  void rehearse(const Workload& work);

 private:
  void step(std::span<const Batch> batches);
  void read_losses();
  void with_place(const std::function<void()>& body);
  void note_memory();

  const TrainConfig& config_;
  const TextData& data_;
  Device device_;
  ModelForm form_;
  std::unique_ptr<TextClassifier> model_;
  optim::Optimizer optimizer_;
  std::unique_ptr<TextClassifier> averaged_;
  std::optional<optim::WeightAverage> average_;
  optim::Schedule schedule_;
  TrainingBatches batches_;
  Rng masks_;
  Collected losses_;        // of steps that the host has not looked at
  double last_loss_ = NAN;  // of the last one that it has
  RunState state_;
  bool best_is_lost_ = false;
  Evaluation evaluation_;
};

}  // namespace octet::tools
