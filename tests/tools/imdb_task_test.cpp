// octet train imdb on a small corpus.
#include <csignal>
#include <cstdlib>

#include "core/error.h"
#include "datasets/generator.h"
#include "datasets/imdb.h"
#include "tests/tools/own_texts.h"
#include "tools/model.h"
#include "tools/tasks.h"
#include "tools/trainer.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

// Made-up reviews in a file, and runs beside it.
struct Reviews {
  TextRuns runs;
  std::string data = runs.file("reviews.csv", imdb_as_csv(generate_imdb(1, 240)));
  Reviews() { setenv("HOME", runs.path("home").c_str(), 1); }  // where the cache of words lies
  Arguments command(const std::string& out, const Arguments& more = {}) const {
    return Arguments{octet_program(),
                     "train",
                     "imdb",
                     "--data",
                     data,
                     "--out",
                     runs.path(out),
                     "--hidden",
                     "8",
                     "--embedding",
                     "16",
                     "--max-length",
                     "120",
                     "--threads",
                     "2",
                     "--lr",
                     "0.01",
                     "--log-every",
                     "1"} +
           more;
  }
  std::string train(const std::string& out, const Arguments& more = {}) const {
    const Outcome outcome = run_process(command(out, more));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome.out;
  }
};

TrainConfig small_config(const Reviews& reviews) {
  TrainConfig config;
  config.task = "imdb";
  task_of(config).defaults(config);
  config.data = reviews.data;
  config.hidden = 8;
  config.embedding = 16;
  config.max_length = 100;
  config.head_dropout = 0;
  return config;
}

}  // namespace

TEST_CASE("imdb has the experiment's settings, vocabulary and split") {
  const Reviews reviews;
  reviews.train("run");
  const std::vector<Json> events = reviews.runs.events("run");
  const Json& start = events.front();
  CHECK(start["vocabulary"] == 1001);
  CHECK(start["labels"] == Json({"negative", "positive"}));
  CHECK(start["train_rows"] == 180);
  CHECK(start["validation_rows"] == 60);
  CHECK(start["model"] == "lstm");
  CHECK(start["padding"] == "left");
  CHECK(start["keep"] == "first");
  CHECK(start["batch_size"] == 50);
  CHECK(start["clip_norm"] == 5);
  CHECK(start["dropout"] == 0);
  CHECK(start["head_dropout"] == 0.3);
  CHECK(start["epochs"] == 5);
  REQUIRE(events.size() == 7);
  CHECK(events[5]["train_loss"].get<double>() < events[1]["train_loss"].get<double>());
  const Json last = reviews.runs.eval("run", {"--weights", "last"});
  CHECK(last["loss"] == events.back()["val_loss"]);
  CHECK(last["accuracy"] == events.back()["val_accuracy"]);
  const Outcome answer = run_octet({"predict", reviews.runs.path("run"), "a wonderful film", ""});
  CHECK(answer.status == 0);
  CHECK(std::count(answer.out.begin(), answer.out.end(), '\n') == 2);
}

TEST_CASE("a run of imdb that was stopped goes on to the bytes of one that never was") {
  const Reviews reviews;
  const Arguments flags = {"--epochs", "3", "--batch-size", "10", "--state", "blockwise8"};
  reviews.train("whole", flags);
  RunningProcess process(reviews.command("parts", flags));
  CHECK(process.read_until("epoch 2/3  step 3/"));
  process.signal(SIGTERM);
  CHECK(process.finish().status == 143);
  CHECK(run_octet({"train", "--resume", reviews.runs.path("parts")}).status == 0);
  check_same_run(reviews.runs.path("whole"), reviews.runs.path("parts"));
}

TEST_CASE("losses, gradients and answers are those of reviews that do not share their padding") {
  const Reviews reviews;
  const TrainConfig config = small_config(reviews);
  const TextData data = load_text_data(config);
  const ModelForm form = ModelForm::of(config, data.classes());
  std::vector<int32_t> rows;
  for (int32_t row = 0; row < 50; ++row) rows.push_back(row);
  const ModelBatch shared = model_batch(data.train, rows, form, Device::cpu());
  std::vector<std::span<const int32_t>> sequences;
  for (const int32_t row : rows) sequences.emplace_back(data.train.sequences[static_cast<size_t>(row)]);
  ModelBatch apart = shared;
  apart.texts = pad_ids_left(sequences, config.max_length, 0, Device::cpu(), /*share=*/false);
  CHECK(apart.texts.packing->total() == 50 * 100);
  CHECK(shared.texts.packing->total() < apart.texts.packing->total());
  const auto run = [&](const ModelBatch& batch, const TextClassifier& model) {
    const Variable loss = batch_loss(model.forward(batch.texts, nullptr), batch, form);
    loss.backward();
    return loss.value().item();
  };
  const auto one = make_model(config, data.encoder.size(), 1, Init{Rng(1)}),
             other = make_model(config, data.encoder.size(), 1, Init{Rng(1)});
  CHECK(run(shared, *one) == doctest::Approx(run(apart, *other)).epsilon(1e-5));
  const auto a = one->parameters(), b = other->parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].name);
    const auto x = a[i].variable.grad().to_vector<float>(), y = b[i].variable.grad().to_vector<float>();
    float largest = 0, worst = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      largest = std::max(largest, std::abs(y[k]));
      worst = std::max(worst, std::abs(x[k] - y[k]));
    }
    CHECK(largest > 0);
    CHECK(worst <= 1e-5f * largest);
  }
}

TEST_CASE("what imdb cannot train on is refused") {
  const Reviews reviews;
  check_refused(run_process(reviews.command("none", {"--min-freq", "100000"})), 2,
                "no word of the training rows occurs 100000 times; give a smaller --min-freq");
  check_refused(run_process(reviews.command("none", {"--max-length", "0"})), 2,
                "--padding left fills texts up to --max-length, which is not given");
  check_refused(run_process(reviews.command("none", {"--data", reviews.runs.path("absent")})), 3, "absent");
}
