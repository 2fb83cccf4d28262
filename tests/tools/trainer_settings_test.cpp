// Clipping, dither and the course of the learning rate, from a run's settings to its optimizer.
#include <functional>
#include <limits>
#include <optional>

#include "tests/tools/small_config.h"
#include "tools/rule_settings.h"
#include "tools/trainer.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

// 150 rows to train on, of which 8 make a batch: 19 batches an epoch.
TrainConfig two_epochs(const Runs& runs) {
  TrainConfig config = small_config(runs);
  config.epochs = 2;
  config.layers = 1;
  config.lr = 0.01;
  return config;
}

std::vector<float> values_of(const std::vector<NamedParameter>& parameters) {
  std::vector<float> all;
  for (const NamedParameter& p : parameters) {
    const auto values = p.variable.value().to_vector<float>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Weights that begin as the trainer's and are stepped with its gradients by an optimizer made by hand.
class Shadow {
 public:
  Shadow(const Trainer& trainer, const TrainConfig& config, const optim::OptimizerOptions& options)
      : source_(trainer.model().trainable_parameters()) {
    for (const NamedParameter& p : source_)
      own_.push_back({p.name, Variable::leaf(p.variable.value().clone(MemoryTag::Weights))});
    optimizer_.emplace(std::vector<optim::ParameterGroup>{{own_, group_options(config)}}, options);
  }
  void step() {
    for (size_t i = 0; i < own_.size(); ++i) own_[i].variable.grad().copy_from(source_[i].variable.grad());
    optimizer_->step();
  }
  bool is_same() const { return values_of(own_) == values_of(source_); }

 private:
  std::vector<NamedParameter> source_, own_;
  std::optional<optim::Optimizer> optimizer_;
};

// The learning rates of all steps of a run; `after_step` is told how many there were.
std::vector<double> rates(Trainer& trainer, const std::function<void(int64_t)>& after_step = {}) {
  std::vector<double> out;
  while (!trainer.done()) {
    trainer.train_epoch(
        [&](const StepReport&) {
          out.push_back(trainer.optimizer().lr());
          if (after_step) after_step(static_cast<int64_t>(out.size()));
        },
        [] { return false; });
    trainer.finish_epoch();
  }
  return out;
}

}  // namespace

TEST_CASE("clipping and the seed of dither are the optimizer's: its steps are those of one made by hand") {
  const Runs runs(small_corpus(200));
  struct Case {
    const char* name;
    void (*set)(TrainConfig& config);
    optim::OptimizerOptions options;
  };
  const auto seed = static_cast<uint32_t>(TrainConfig().seed);
  const Case cases[] = {
      {"clip-value", [](TrainConfig& c) { c.clip_value = 1e-3; }, {.max_value = 1e-3, .seed = seed}},
      {"clip-norm", [](TrainConfig& c) { c.clip_norm = 1e-2; }, {.max_norm = 1e-2, .seed = seed}},
      {"clip-percentile",
       [](TrainConfig& c) { c.clip_percentile = 30; },
       {.norm_percentile = 30, .seed = seed}},
      {"seed", [](TrainConfig& c) { c.seed = 7; }, {.seed = 7}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    TrainConfig config = two_epochs(runs);
    config.epochs = 1;
    const bool dithers = one.options.seed != seed;
    // SGD goes by the size of gradients, as Adam does not.
    config.optimizer = dithers ? "adam" : "sgd";
    if (dithers) config.state = "blockwise8", config.min_8bit_size = 0;
    one.set(config);
    const TextData data = load_text_data(config);
    Trainer trainer(config, data);
    Shadow same(trainer, config, one.options), without(trainer, config, {});
    trainer.train_epoch([&](const StepReport&) { same.step(), without.step(); }, [] { return false; });
    CHECK(same.is_same());
    CHECK(!without.is_same());  // it could have been seen
  }
}

TEST_CASE("a schedule begins with the first step and ends with the last, however many batches a step takes") {
  const Runs runs(small_corpus(200));
  TrainConfig config = two_epochs(runs);
  config.schedule = "linear";
  const TextData data = load_text_data(config);
  for (const int64_t accumulate : {1, 4}) {
    CAPTURE(accumulate);
    config.accumulate = accumulate;
    config.warmup_steps = 3;
    Trainer trainer(config, data);
    const int64_t total = config.epochs * trainer.steps_per_epoch();
    REQUIRE(total == (accumulate == 1 ? 38 : 10));
    std::vector<double> expected{0.01 / 3, 0.01 * 2 / 3, 0.01};
    while (std::ssize(expected) < total)
      expected.push_back(
          0.01 * (1 - static_cast<double>(std::ssize(expected) - 3) / static_cast<double>(total - 3)));
    const std::vector<double> seen = rates(trainer);
    REQUIRE(seen.size() == expected.size());
    for (size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == doctest::Approx(expected[i]));
  }
}

TEST_CASE("a schedule goes on while steps are skipped") {
  const Runs runs(small_corpus(200));
  TrainConfig config = two_epochs(runs), plain = config;
  config.schedule = plain.schedule = "cosine";
  config.on_nonfinite = "skip";
  const TextData data = load_text_data(config);
  Trainer skipping(config, data), all(plain, data);
  const Tensor weight = skipping.model().trainable_parameters().back().variable.value();
  const Tensor good = weight.clone(MemoryTag::Weights);
  // Steps 6 to 10 have no finite gradient.
  const std::vector<double> seen = rates(skipping, [&](int64_t step) {
    if (step == 5) good.copy_from(weight), weight.fill(std::numeric_limits<double>::quiet_NaN());
    if (step == 10) weight.copy_from(good);
  });
  CHECK(skipping.optimizer().skipped_steps() == 5);
  CHECK(seen == rates(all));
  CHECK(seen[20] < seen[10]);
}
