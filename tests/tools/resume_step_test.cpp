// Going on from a checkpoint of every kind of step, with the trainer itself: a process cannot be stopped at
// the very last step of an epoch on purpose.
#include <cmath>
#include <limits>

#include "core/ledger.h"
#include "tests/tools/small_run.h"
#include "tools/checkpoint.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

// Goes on to step `last` (of the whole run) or the end, as the train command does.
void train_to(Trainer& trainer, int64_t last) {
  while (!trainer.done()) {
    const bool finished =
        trainer.train_epoch([](const StepReport&) {}, [&] { return trainer.state().steps == last; });
    if (!finished) return;
    trainer.finish_epoch();
  }
}

// The checkpoint of a run of `config`, stopped after each of these steps; its path.
std::string run_with_stops(const TrainConfig& config, const TextData& data, std::vector<int64_t> stops,
                           const std::string& path) {
  ledger(Device::cpu()).reset_peaks();
  {
    Trainer trainer(config, data);
    train_to(trainer, stops.empty() ? -1 : stops.front());
    save_checkpoint(path, trainer, config, data, 0);
  }
  for (size_t i = 0; i < stops.size(); ++i) {
    Checkpoint checkpoint = read_checkpoint(path);
    CHECK(checkpoint.state.steps == stops[i]);
    CHECK(checkpoint.config == config);
    Trainer trainer(checkpoint.config, data);
    restore(checkpoint, trainer, data);
    checkpoint.tensors = {};
    ledger(Device::cpu()).reset_peaks();
    train_to(trainer, i + 1 < stops.size() ? stops[i + 1] : -1);
    save_checkpoint(path, trainer, checkpoint.config, data, 0);
  }
  return path;
}

}  // namespace

TEST_CASE("a run stopped at any step of an epoch, its first and its last among them, ends the same") {
  const Runs runs(small_corpus(200));
  TrainConfig config;
  config.task = "sms";
  config.data = runs.data();
  config.epochs = 3;
  config.batch_size = 16;
  config.embedding = config.hidden = 12;
  config.min_freq = 2;
  config.lr = 0.003;
  config.schedule = "linear";
  config.warmup_steps = 12;
  config.clip_norm = 0.5;
  config.min_8bit_size = 0;
  const TextData data = load_text_data(config);
  const int64_t n = Trainer(config, data).steps_per_epoch();
  REQUIRE(n > 5);
  for (const auto& [state, weights] :
       {std::pair{"fp32", "fp32"}, {"bf16", "fp32"}, {"blockwise8", "fp32"}, {"blockwise8", "bf16"}}) {
    config.state = state;
    config.weight_dtype = weights;
    CAPTURE(config.state);
    CAPTURE(config.weight_dtype);
    const std::string whole = run_with_stops(config, data, {}, runs.path("whole"));
    for (const std::vector<int64_t>& stops : std::vector<std::vector<int64_t>>{
             {1}, {n - 1}, {n}, {n + 1}, {2 * n}, {3 * n}, {1, 2, n, n + 1, 2 * n - 1, 2 * n, 3 * n - 1}}) {
      CAPTURE(stops.front());
      check_same_checkpoint(whole, run_with_stops(config, data, stops, runs.path("parts")));
    }
  }
}

TEST_CASE(
    "accumulation, averages and the history of norms go on from any step, the last short group included") {
  const Runs runs(small_corpus(200));
  TrainConfig config;
  config.task = "sms";
  config.data = runs.data();
  config.epochs = 3;
  config.batch_size = 8;
  config.embedding = config.hidden = 12;
  config.min_freq = 2;
  config.lr = 0.003;
  config.optimizer = "adamw";
  config.weight_decay = 0.1;
  config.state = "blockwise8";
  config.min_8bit_size = 0;
  config.clip_value = 0.01;
  config.clip_percentile = 60;
  config.accumulate = 4;
  config.ema = 0.8;
  config.no_decay = {"norm-and-bias"};
  config.embedding_layer = "stable";
  const TextData data = load_text_data(config);
  const int64_t n = Trainer(config, data).steps_per_epoch();
  CHECK(n == 5);  // 19 batches
  const std::string whole = run_with_stops(config, data, {}, runs.path("whole"));
  for (const std::vector<int64_t>& stops :
       std::vector<std::vector<int64_t>>{{1}, {n - 1}, {n}, {1, 2, n, n + 1, 2 * n - 1, 2 * n, 3 * n - 1}}) {
    CAPTURE(stops.front());
    check_same_checkpoint(whole, run_with_stops(config, data, stops, runs.path("parts")));
  }
}

TEST_CASE(
    "a checkpoint of a loss that was never finite can be read, and the first finite epoch is then the best") {
  const Runs runs(small_corpus(100));
  TrainConfig config;
  config.task = "sms";
  config.data = runs.data();
  config.epochs = 3;
  config.embedding = config.hidden = 4;
  const TextData data = load_text_data(config);
  Trainer trainer(config, data);
  const auto one_epoch = [&] {
    trainer.train_epoch([](const StepReport&) {}, [] { return false; });
    return trainer.finish_epoch();
  };
  one_epoch();
  trainer.state().val_loss = trainer.state().best_loss = std::numeric_limits<double>::infinity();
  trainer.state().best_score = -std::numeric_limits<double>::infinity();
  save_checkpoint(runs.path("checkpoint"), trainer, config, data, 0);
  const Checkpoint checkpoint = read_checkpoint(runs.path("checkpoint"));
  CHECK(std::isnan(checkpoint.state.best_loss));
  CHECK(std::isnan(checkpoint.state.best_score));
  restore(checkpoint, trainer, data);
  const EpochEvent event = one_epoch();
  CHECK(trainer.state().best_epoch == 2);
  CHECK(trainer.state().best_loss == event.val_loss);
  CHECK(trainer.state().best_score == -event.val_loss);
}
