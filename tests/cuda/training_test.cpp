// Fifty steps on both devices: same weights, same batches, same dropout masks, so the same losses.
#include <cmath>

#include "datasets/batches.h"
#include "tests/support/classifier_training.h"
#include "tests/support/support.h"
#include "tools/text_data.h"

using namespace octet;
using namespace octet::testing;

namespace {

constexpr size_t kSteps = 50;

std::vector<double> losses(const Recipe& recipe, const std::vector<TextBatch>& batches, Device device) {
  Training training(recipe, device);
  std::vector<Tensor> read_last;
  for (size_t step = 0; step < kSteps; ++step)
    read_last.push_back(training.step(batches[step % batches.size()]));
  std::vector<double> values;
  for (const Tensor& loss : read_last) values.push_back(loss.item());
  return values;
}

void check_same_losses(Recipe recipe, const std::vector<TextBatch>& batches) {
  for (const std::string codec : {"fp32", "blockwise8"}) {
    CAPTURE(codec);
    recipe.codec = codec;
    const std::vector<double> gpu = losses(recipe, batches, Device::cuda()),
                              cpu = losses(recipe, batches, Device::cpu());
    double worst = 0;
    size_t at = 0;
    for (size_t step = 0; step < kSteps; ++step) {
      const double difference = std::abs(gpu[step] - cpu[step]) / std::abs(cpu[step]);
      if (!(difference <= worst)) worst = difference, at = step;
    }
    MESSAGE(codec << ": loss " << cpu.front() << " to " << cpu.back()
                  << ", largest relative difference of a loss " << worst << " at step " << at + 1);
    CHECK(worst < 1e-3);
  }
}

}  // namespace

TEST_CASE("fifty steps of the SMS model lose the same on both devices") {
  tools::TrainConfig config;
  config.task = "sms";
  config.data = NEED_DATA("sms_spam.csv").string();
  const tools::TextData data = tools::load_text_data(config);
  std::vector<TextBatch> batches;
  for (const Batch& batch :
       TrainingBatches(lengths_of(data.train.sequences), 64, Rng(2021).split("batches")).epoch(1)) {
    if (batches.size() == kSteps) break;
    batches.emplace_back();
    for (const int32_t row : batch.rows) {
      batches.back().texts.push_back(data.train.sequences[static_cast<size_t>(row)]);
      batches.back().labels.push_back(static_cast<float>(data.train.labels[static_cast<size_t>(row)]));
    }
  }
  REQUIRE(batches.size() == kSteps);
  check_same_losses({.model = {.vocabulary = static_cast<int64_t>(data.encoder.size())}}, batches);
}

TEST_CASE("fifty steps of a model of the IMDB experiment's shape lose the same on both devices") {
  Rng rng(31);
  std::vector<TextBatch> batches;
  for (int i = 0; i < 10; ++i) batches.push_back(random_batch(50, 500, true, 1001, rng));
  check_same_losses({.model = {.vocabulary = 1001,
                               .embedding = 64,
                               .hidden = 64,
                               .layers = 2,
                               .bidirectional = false,
                               .dropout = 0,
                               .head_dropout = 0.3},
                     .max_norm = 5},
                    batches);
}
