#include "tools/trainer.h"

#include <algorithm>
#include <chrono>

#include "autograd/functions.h"
#include "core/backend.h"
#include "core/error.h"
#include "tools/accumulate.h"
#include "tools/device.h"
#include "tools/metrics.h"
#include "tools/model.h"
#include "tools/model_shapes.h"
#include "tools/rule_settings.h"

namespace octet::tools {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The streams of a run, each split from the seed by name: none depends on what another draws.
Rng stream(const TrainConfig& config, const char* name) {
  return Rng(static_cast<uint64_t>(config.seed)).split(name);
}

std::unique_ptr<TextClassifier> new_model(const TrainConfig& config, const TextData& data, Device device) {
  return make_model(config, data.encoder.size(), data.outputs(),
                    Init{stream(config, "initialisation"), device});
}

optim::Optimizer make_optimizer(const TrainConfig& config, const TextClassifier& model) {
  const std::vector<NamedParameter> parameters = model.trainable_parameters();
  const optim::GroupOptions options = group_options(config);
  check_patterns(options, optim::shapes_of(parameters));
  return optim::Optimizer(
      {{parameters, options}},
      {.max_value = config.clip_value,
       .max_norm = config.clip_norm,
       .norm_percentile = config.clip_percentile,
       .on_nonfinite = config.on_nonfinite == "skip" ? optim::OnNonFinite::Skip : optim::OnNonFinite::Stop,
       .seed = static_cast<uint32_t>(config.seed)});
}

int64_t tokens_in(const EncodedTexts& texts, const Batch& batch) {
  int64_t tokens = 0;
  for (const int32_t row : batch.rows)
    tokens += static_cast<int64_t>(texts.sequences[static_cast<size_t>(row)].size());
  return tokens;
}

}  // namespace

TrainingBatches training_batches(const TrainConfig& config, const EncodedTexts& texts) {
  return {lengths_of(texts.sequences), config.batch_size, stream(config, "batches"),
          config.batching == "shuffled" ? Batching::Shuffled : Batching::Bucketed};
}

int64_t steps_unread(const TrainConfig& config, int64_t per_epoch) {
  if (config.device == "cpu") return 1;
  return config.log_every > 0 ? std::min(config.log_every, per_epoch) : per_epoch;
}

Trainer::Trainer(const TrainConfig& config, const TextData& data)
    : config_(config),
      data_(data),
      device_(open_device(config.device, config.precision)),
      form_(ModelForm::of(config, data.classes())),
      model_(new_model(config, data, device_)),
      optimizer_(make_optimizer(config, *model_)),
      batches_(training_batches(config, data.train)),
      masks_(stream(config, "dropout")),
      losses_(steps_unread(config, steps_per_epoch()), device_) {
  schedule_ = {optim::schedule_kind(config.schedule), config.warmup_steps, config.epochs * steps_per_epoch()};
  schedule_.check();
  for (const double weight : data.class_weights) form_.class_weights.push_back(static_cast<float>(weight));
  if (data.vectors) put_word_vectors(*data.vectors, *model_);
  if (config.ema > 0) {
    averaged_ = new_model(result_config(config), data, device_);
    averaged_->copy_from(*model_);  // frozen weights as they are stored
    average_.emplace(model_->trainable_parameters(), averaged_->trainable_parameters(), config.ema);
  }
  // Gradients hold their bytes from the start, so the first step needs as much memory as any other: that of a
  // resumed run, and the one that rehearse() takes.
  for (const NamedParameter& parameter : model_->trainable_parameters()) parameter.variable.grad();
}

int64_t Trainer::steps_per_epoch() const {
  return (batches_.per_epoch() + config_.accumulate - 1) / config_.accumulate;
}

int64_t Trainer::largest_step() const {
  const std::vector<Batch> batches = batches_.epoch(1);
  const auto most = std::max_element(batches.begin(), batches.end(), [&](const Batch& a, const Batch& b) {
    return tokens_in(data_.train, a) < tokens_in(data_.train, b);
  });
  return (most - batches.begin()) / config_.accumulate + 1;
}

void Trainer::step(std::span<const Batch> batches) {
  const ProfileRange range(device_, "step");
  const Tensor loss = accumulate_gradients(*model_, data_.train, form_, batches, &masks_, device_);
  const ProfileRange update(device_, "update");
  optimizer_.set_lr_factor(schedule_.factor(state_.steps));
  with_place([&] { optimizer_.step(); });
  if (average_) average_->update(optimizer_);
  losses_.add(loss);
}

void Trainer::read_losses() {
  with_place([&] { optimizer_.check(); });
  for (const float loss : losses_.take()) {
    last_loss_ = loss;
    state_.loss_sum += last_loss_;
  }
}

// Says of a gradient that is not finite, or too large, in which epoch and step it was: no step after it was
// taken.
void Trainer::with_place(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NonFinite) throw;
    note_memory();
    const int64_t good = optimizer_.steps(), per_epoch = steps_per_epoch();
    state_.steps = good;  // those after it changed nothing
    fail(ErrorKind::NonFinite, "epoch ", good / per_epoch + 1, ", step ", good % per_epoch + 1, ": ",
         error.what(), "; a smaller --lr, --clip-norm or --on-nonfinite skip may help");
  }
}

bool Trainer::train_epoch(const std::function<void(const StepReport&)>& after_step,
                          const std::function<bool()>& stop) {
  const std::vector<Batch> batches = batches_.epoch(state_.epoch + 1);
  masks_ = Rng(masks_.key(), state_.mask_position);
  const int64_t count = steps_per_epoch();
  while (state_.batch < count) {
    const double start = now();
    const auto first = static_cast<size_t>(state_.batch * config_.accumulate);
    const std::span<const Batch> group = std::span(batches).subspan(
        first, std::min(static_cast<size_t>(config_.accumulate), batches.size() - first));
    step(group);
    const bool shown = config_.log_every > 0 && (state_.batch + 1) % config_.log_every == 0;
    if (losses_.full() || shown || state_.batch + 1 == count) read_losses();
    state_.mask_position = masks_.position();
    ++state_.batch;
    ++state_.steps;
    const double seconds = now() - start;
    state_.seconds += seconds;
    state_.epoch_seconds += seconds;
    after_step({state_.epoch + 1, state_.batch, rows_in(group), last_loss_});
    if (stop()) {
      read_losses();
      note_memory();
      return false;
    }
  }
  return true;
}

EpochEvent Trainer::finish_epoch() {
  const double start = now();
  evaluation_ = evaluate(result(), data_.validation, form_, config_.batch_size, device_);
  const Evaluation& evaluation = evaluation_;
  const double seconds = now() - start;
  state_.seconds += seconds;
  note_memory();
  state_.val_loss = evaluation.loss;
  state_.val_accuracy = evaluation.accuracy;
  ++state_.epoch;
  EpochEvent event;
  event.epoch = state_.epoch;
  event.train_loss = state_.loss_sum / static_cast<double>(std::max<int64_t>(1, state_.batch));
  event.val_loss = evaluation.loss;
  event.val_accuracy = evaluation.accuracy;
  const ClassificationMetrics metrics =
      classification_metrics(data_.validation.labels, evaluation.answers(), evaluation.classes);
  event.macro_f1 = metrics.macro_f1;
  event.weighted_f1 = metrics.weighted_f1;
  const double score = score_of(event, config_.best_by);
  if (state_.best_epoch == 0 || best_is_lost_ || is_better(score, state_.best_score)) {
    best_is_lost_ = false;
    state_.best_loss = evaluation.loss;
    state_.best_score = score;
    state_.best_epoch = state_.epoch;
  }
  event.train_seconds = state_.epoch_seconds;
  event.seconds = state_.epoch_seconds + seconds;
  event.peak_bytes = state_.memory.peak_total;
  event.peak_by_tag = state_.memory.at_peak;
  state_.batch = 0;
  state_.loss_sum = 0;
  state_.epoch_seconds = 0;
  return event;
}

EndEvent Trainer::end_event(const std::string& status) const {
  EndEvent event;
  event.status = status;
  event.epochs = state_.epoch;
  event.steps = state_.steps;
  event.skipped_steps = optimizer_.skipped_steps();
  event.val_loss = state_.epoch > 0 ? state_.val_loss : NAN;
  event.val_accuracy = state_.epoch > 0 ? state_.val_accuracy : NAN;
  event.best_epoch = state_.best_epoch;
  event.seconds = state_.seconds;
  event.peak_bytes = state_.memory.peak_total;
  event.peak_by_tag = state_.memory.at_peak;
  event.max_by_tag = state_.memory.peak;
  return event;
}

void Trainer::note_memory() {
  const MemoryUse use = ledger(device_).use();
  if (use.peak_total > state_.memory.peak_total) {
    state_.memory.peak_total = use.peak_total;
    state_.memory.at_peak = use.at_peak;
  }
  for (size_t tag = 0; tag < kMemoryTags; ++tag)
    state_.memory.peak[tag] = std::max(state_.memory.peak[tag], use.peak[tag]);
}

void Trainer::rehearse(const Workload& work) {
  for (const BatchShape& batch : work.train) {
    step(std::vector<Batch>(batch.first ? 1 : 2, Batch{batch.texts}));  // the second adds to gradients
    losses_.take();
  }
  // Validation batches go by length, so the one of the most tokens is the last or, where that is short of
  // rows, the one before it.
  const auto batches = sorted_batches(lengths_of(data_.validation.sequences), config_.batch_size).size();
  evaluate(result(), data_.validation, form_, config_.batch_size, device_, batches < 2 ? 0 : batches - 2);
  note_memory();
}

}  // namespace octet::tools
