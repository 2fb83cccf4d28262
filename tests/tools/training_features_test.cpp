// Gradient accumulation, averages of the weights, decay masks and the stable embedding in training runs.
#include <algorithm>
#include <cmath>

#include "core/safetensors.h"
#include "nn/models/lstm_classifier.h"
#include "tests/tools/small_config.h"
#include "tools/accumulate.h"
#include "tools/trainer.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

std::vector<float> gradient_of(const TextClassifier& model, const std::string& name) {
  for (const NamedParameter& p : model.parameters())
    if (p.name == name) return p.variable.grad().to_vector<float>();
  fail(ErrorKind::Internal, "no parameter ", name);
}

// 40 texts of 1 to 20 tokens.
EncodedTexts some_texts() {
  EncodedTexts texts;
  Rng rng(5);
  for (int row = 0; row < 40; ++row) {
    texts.sequences.emplace_back();
    for (int i = 0; i < 1 + row * 7 % 20; ++i)
      texts.sequences.back().push_back(static_cast<int32_t>(rng.below(30)));
    texts.labels.push_back(row % 3 == 0 ? 1 : 0);
  }
  return texts;
}

// Longest first, as batches have them.
Batch batch_of(const EncodedTexts& texts, int32_t first, int32_t last) {
  Batch batch;
  for (int32_t row = first; row < last; ++row) batch.rows.push_back(row);
  std::stable_sort(batch.rows.begin(), batch.rows.end(), [&](int32_t a, int32_t b) {
    return texts.sequences[static_cast<size_t>(a)].size() > texts.sequences[static_cast<size_t>(b)].size();
  });
  return batch;
}

TrainConfig three_epochs(const Runs& runs) {
  TrainConfig config = small_config(runs);
  config.epochs = 3;
  config.lr = 0.5;
  config.optimizer = "sgd";
  return config;
}

// The training loss of the last epoch.
double train(Trainer& trainer) {
  double loss = 0;
  while (!trainer.done()) {
    trainer.train_epoch([](const StepReport&) {}, [] { return false; });
    loss = trainer.finish_epoch().train_loss;
  }
  return loss;
}

// The largest difference of two models' weights, over the largest weight.
double difference(const Module& a, const Module& b) {
  double worst = 0, largest = 0;
  const TensorFile x = a.state(), y = b.state();
  for (size_t i = 0; i < x.tensors.size(); ++i) {
    const auto u = x.tensors[i].second.to_vector<float>(), v = y.tensors[i].second.to_vector<float>();
    for (size_t k = 0; k < u.size(); ++k) {
      worst = std::max(worst, std::abs(static_cast<double>(u[k]) - static_cast<double>(v[k])));
      largest = std::max(largest, std::abs(static_cast<double>(u[k])));
    }
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("gradients accumulated over batches of different sizes are those of one batch of all rows") {
  const EncodedTexts texts = some_texts();
  const LstmClassifierConfig shape{.vocabulary = 30, .embedding = 7, .hidden = 6};
  const LstmClassifier apart(shape, Init{Rng(1)}), together(shape, Init{Rng(1)});
  const std::vector<Batch> batches = {batch_of(texts, 0, 16), batch_of(texts, 16, 32),
                                      batch_of(texts, 32, 39), batch_of(texts, 39, 40)};
  const std::vector<Batch> one = {batch_of(texts, 0, 40)};
  CHECK(rows_in(batches) == 40);
  ModelForm weighted;
  weighted.class_weights = {0.5f, 4};  // batches have different shares of each class
  for (const ModelForm& form : {ModelForm{}, weighted})
    for (int time = 0; time < 2; ++time) {  // gradients of the step before must be gone
      CAPTURE(form.class_weights.size());
      const Tensor loss = accumulate_gradients(apart, texts, form, batches, nullptr, Device::cpu());
      const Tensor expected = accumulate_gradients(together, texts, form, one, nullptr, Device::cpu());
      CHECK(loss.item() == doctest::Approx(expected.item()).epsilon(1e-6));
      for (const NamedParameter& p : together.parameters()) {
        CAPTURE(p.name);
        const auto a = gradient_of(apart, p.name), b = gradient_of(together, p.name);
        float largest = 0;
        for (const float x : b) largest = std::max(largest, std::abs(x));
        REQUIRE(largest > 0);
        for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= 2e-6f * largest);
      }
    }
}

TEST_CASE("a run that accumulates whole epochs ends with the weights of one that takes them as one batch") {
  const Runs runs(small_corpus(200));
  TrainConfig config = three_epochs(runs), large = config;
  config.accumulate = 65536;
  large.batch_size = 65536;
  const TextData data = load_text_data(config);
  Trainer small_batches(config, data), one_batch(large, data);
  CHECK(small_batches.steps_per_epoch() == 1);
  CHECK(train(small_batches) == doctest::Approx(train(one_batch)).epsilon(1e-5));
  CHECK(difference(small_batches.model(), one_batch.model()) < 1e-5);
  config.accumulate = 1;
  Trainer steps(config, data);
  train(steps);
  CHECK(difference(steps.model(), one_batch.model()) > 1e-2);  // it could have been seen
}

TEST_CASE("a step takes so many batches, the last of an epoch what is left, and all count as steps") {
  const Runs runs;
  runs.trained("run", {"--accumulate", "4", "--epochs", "2"});
  const Json end = events_in(runs.bytes("run/log.jsonl")).back();
  CHECK(end["steps"] == 2 * 17);  // 66 batches
  const TensorFile file = read_safetensors(runs.path("run/last.ckpt.safetensors"));
  CHECK(file.at("optimizer.step").to_vector<int64_t>()[0] == 34);
}

TEST_CASE(
    "--ema evaluates and saves the averages, the checkpoint holds both, and the weights train as without") {
  const Runs runs;
  runs.trained("plain");
  runs.trained("run", {"--ema", "0.95"});
  const TensorFile plain = read_safetensors(runs.path("plain/last.ckpt.safetensors")),
                   checkpoint = read_safetensors(runs.path("run/last.ckpt.safetensors")),
                   last = read_safetensors(runs.path("run/last.safetensors"));
  for (const auto& [name, tensor] : last.tensors) {
    CAPTURE(name);
    CHECK((tensor.to_vector<float>() == checkpoint.at("ema." + name).to_vector<float>()));
    CHECK(
        (checkpoint.at("model." + name).to_vector<float>() == plain.at("model." + name).to_vector<float>()));
    CHECK((tensor.to_vector<float>() != checkpoint.at("model." + name).to_vector<float>()));
  }
  const std::vector<Json> events = events_in(runs.bytes("run/log.jsonl"));
  const Json& end = events.back();
  for (const char* weights : {"last", "best"}) {
    const Json result =
        events_in(run_octet({"eval", runs.path("run"), "--weights", weights, "--json"}).out).at(0);
    const auto epoch = weights == std::string("last") ? size_t{3} : end["best_epoch"].get<size_t>();
    CHECK(result["loss"] == events[epoch]["val_loss"]);
  }
  CHECK(run_octet({"predict", runs.path("run"), "free prize"}).status == 0);
  const Json bytes = events_in(runs.bytes("plain/log.jsonl")).back()["max_by_tag"];
  CHECK(end["max_by_tag"]["weights"].get<int64_t>() == 2 * bytes["weights"].get<int64_t>());
  CHECK(end["max_by_tag"]["optimizer_state"] == bytes["optimizer_state"]);
}

TEST_CASE(
    "a stable embedding keeps its state in fp32 without being told to, and an override can change that") {
  const Runs runs;
  const Arguments eight = {"--state", "blockwise8", "--min-8bit-size", "0", "--epochs", "1"};
  const auto types = [&](const std::string& name, const Arguments& more) {
    runs.trained(name, eight + more);
    const TensorFile file = read_safetensors(runs.path(name + "/last.ckpt.safetensors"));
    std::string out;
    for (const char* parameter : {"embedding.weight", "embedding.norm.weight", "fc.weight"})
      if (const Tensor* tensor = file.find(std::string(parameter) + ".exp_avg"))
        out += std::string(name_of(tensor->dtype())) + " ";
    return out;
  };
  CHECK(types("plain", {}) == "u8 u8 ");
  CHECK(types("stable", {"--embedding-layer", "stable"}) == "f32 f32 u8 ");
  CHECK(types("override", {"--embedding-layer", "stable", "--state-override",
                           "embedding.weight=blockwise8"}) == "u8 f32 u8 ");
  CHECK(run_octet({"eval", runs.path("stable")}).status == 0);
  CHECK(run_octet({"predict", runs.path("stable"), "free prize"}).status == 0);
}

TEST_CASE("--no-decay leaves named parameters, or norms and biases, without weight decay") {
  const Runs runs(small_corpus(200));
  TrainConfig config = three_epochs(runs);
  config.lr = 1e-3;
  config.weight_decay = 30;
  config.epochs = 1;
  const TextData data = load_text_data(config);
  const auto norms = [&](std::vector<std::string> no_decay) {
    config.no_decay = std::move(no_decay);
    Trainer trainer(config, data);
    train(trainer);
    std::pair<double, double> out{};  // of matrices, of biases
    for (const NamedParameter& p : trainer.model().parameters())
      for (const float w : p.variable.value().to_vector<float>())
        (p.variable.shape().rank() < 2 ? out.second : out.first) += static_cast<double>(w) * w;
    return out;
  };
  const auto all = norms({}), masked = norms({"norm-and-bias"}), named = norms({"*bias*"});
  CHECK(masked.first == doctest::Approx(all.first).epsilon(0.01));
  CHECK(masked.second > 1.5 * all.second);
  CHECK(named == masked);  // this model has no norm
  CHECK(norms({"*"}).first > 1.5 * all.first);
}
