#include "tests/tools/memory_cases.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "core/backend.h"
#include "datasets/generator.h"
#include "datasets/sms.h"
#include "tools/device.h"
#include "tools/rule_settings.h"
#include "tools/tasks.h"

namespace octet::testing {
namespace {

using tools::TrainConfig;

std::string reviews(int64_t rows) {
  const TextCorpus corpus = generate_imdb(3, rows);
  std::string file = "review,sentiment\n";
  for (size_t i = 0; i < corpus.texts.size(); ++i)
    file += "\"" + corpus.texts[i] + "\"," + (corpus.labels[i] ? "positive" : "negative") + "\n";
  return file;
}

// Three classes, unequally many, texts of 1 to 90 words.
std::string labelled(int64_t rows) {
  Rng rng(4);
  std::string file = "label,text\n";
  for (int64_t i = 0; i < rows; ++i) {
    const auto label = static_cast<int64_t>(rng.below(6));
    file += std::string(label == 0 ? "blue" : label < 3 ? "green" : "red") + ",";
    for (auto words = static_cast<int64_t>(1 + rng.below(90)); words > 0; --words)
      file += " word" + std::to_string(rng.below(200) * label / 5);
    file += "\n";
  }
  return file;
}

}  // namespace

MemoryCases::MemoryCases() {
  setenv("HOME", folder_.path().c_str(), 1);  // caches of corpora go there
  write_file(folder_ / "sms.txt", sms_as_uci(generate_sms(1, 120, 24)));
  write_file(folder_ / "imdb.csv", reviews(40));
  write_file(folder_ / "text.csv", labelled(70));
  write_file(folder_ / "vectors.txt", "the 1 2 3 4 5 6\nof 1 0 1 0 1 0\nword1 6 5 4 3 2 1\n");
}

TrainConfig MemoryCases::config(const std::string& task, const std::string& device) const {
  TrainConfig config;
  config.task = task;
  tools::task_of(config).defaults(config);
  config.device = device;
  config.epochs = 1;
  config.data = (folder_ / (task == "sms" ? "sms.txt" : task + ".csv")).string();
  config.min_freq = 1;
  config.threads = 2;
  config.batch_size = task == "sms" ? 8 : 10;
  if (task == "imdb") config.max_length = 80;
  return config;
}

std::vector<MemoryCase> MemoryCases::models(const std::string& device) const {
  std::vector<MemoryCase> cases;
  const auto add = [&](const std::string& task, const std::string& name,
                       const std::function<void(TrainConfig&)>& change) {
    TrainConfig c = config(task, device);
    change(c);
    cases.push_back({task + ": " + name, std::move(c)});
  };
  add("sms", "defaults", [](TrainConfig&) {});
  add("imdb", "defaults", [](TrainConfig&) {});
  add("text", "defaults", [](TrainConfig&) {});
  for (const std::string task : {"sms", "imdb", "text"}) {
    for (const std::string model : {"bag", "lstm", "bilstm"})
      for (const bool stable : {false, true})
        for (const bool frozen : {false, true})
          add(task, model + (stable ? " stable" : "") + (frozen ? " frozen" : ""), [&](TrainConfig& c) {
            c.model = model, c.freeze_embedding = frozen, c.embedding_layer = stable ? "stable" : "plain";
            c.hidden = 21, c.embedding = 13, c.layers = 3, c.head_dropout = stable ? 0.1 : 0;
          });
    for (const int64_t layers : {1, 2, 4, 6})
      for (const double dropout : {0.0, 0.2})
        add(task, std::to_string(layers) + (dropout > 0 ? " layers with dropout" : " layers"),
            [&](TrainConfig& c) { c.model = "lstm", c.layers = layers, c.dropout = dropout, c.hidden = 24; });
    add(task, "accumulated", [](TrainConfig& c) { c.accumulate = 3; });
    add(task, "accumulated, stable, two directions, clipped", [](TrainConfig& c) {
      c.accumulate = 2, c.embedding_layer = "stable", c.model = "bilstm", c.clip_percentile = 50;
    });
    add(task, "accumulated bag",
        [](TrainConfig& c) { c.accumulate = 4, c.model = "bag", c.embedding = 300; });
    add(task, "averaged", [](TrainConfig& c) { c.ema = 0.9; });
    add(task, "averaged bag by sgd", [](TrainConfig& c) {
      c.ema = 0.9, c.model = "bag", c.optimizer = "sgd", c.embedding = 400, c.batch_size = 4;
    });
    add(task, "one batch", [](TrainConfig& c) { c.batch_size = 1000, c.hidden = 8; });
    add(task, "a row a batch", [](TrainConfig& c) { c.batch_size = 1, c.hidden = 40; });
    add(task, "the last words",
        [](TrainConfig& c) { c.keep = "last", c.max_length = 40, c.padding = "none"; });
    add(task, "padded", [](TrainConfig& c) { c.padding = "left", c.max_length = 60; });
    add(task, "padded, one layer", [](TrainConfig& c) {
      c.padding = "left", c.max_length = 60, c.model = "lstm", c.layers = 1, c.batching = "shuffled";
    });
    add(task, "weighted classes", [](TrainConfig& c) { c.class_weights = "balanced"; });
    for (const std::string model : {"bag", "lstm", "bilstm"})
      for (const bool frozen : {false, true})
        add(task, model + (frozen ? " frozen" : "") + ", weights in bf16", [&](TrainConfig& c) {
          c.model = model, c.freeze_embedding = frozen, c.weight_dtype = "bf16", c.min_8bit_size = 600;
          c.hidden = 40, c.embedding = 31, c.layers = 3, c.dropout = frozen ? 0 : 0.2;
          c.embedding_layer = frozen ? "stable" : "plain";
        });
    add(task, "all matrices in bf16, accumulated", [](TrainConfig& c) {
      c.weight_dtype = "bf16", c.min_8bit_size = 0, c.accumulate = 3, c.model = "lstm", c.hidden = 100;
    });
    add(task, "weights in bf16, wide layers", [](TrainConfig& c) {  // their copies make the peak
      c.weight_dtype = "bf16", c.hidden = 120, c.layers = 4, c.dropout = 0, c.batch_size = 2;
    });
    add(task, "weights in bf16, averaged, word vectors", [&](TrainConfig& c) {
      c.weight_dtype = "bf16", c.min_8bit_size = 100, c.ema = 0.9;
      c.glove = (folder_ / "vectors.txt").string(), c.embedding = 6;
    });
    add(task, "large bag in bf16", [](TrainConfig& c) {
      c.weight_dtype = "bf16", c.model = "bag", c.embedding = 900, c.batch_size = 2, c.min_8bit_size = 1;
    });
    add(task, "word vectors",
        [&](TrainConfig& c) { c.glove = (folder_ / "vectors.txt").string(), c.embedding = 6, c.ema = 0.5; });
  }
  return cases;
}

std::vector<MemoryCase> MemoryCases::states(const std::string& device, bool all_rules) const {
  std::vector<MemoryCase> cases;
  for (const std::string task : {"sms", "imdb", "text"})
    for (const std::string_view rule : tools::kOptimizers)
      for (const std::string_view codec : tools::kCodecs) {
        if (rule != "adam" && !(all_rules && task == "sms")) continue;
        TrainConfig c = config(task, device);
        c.optimizer = rule;
        tools::take_rule_defaults(c);
        c.state = codec;
        c.hidden = 24, c.embedding = 20;
        c.min_8bit_size = codec == "linear8" ? 0 : 1000;
        c.block_size = codec == "blockwise8" ? 64 : 256;
        cases.push_back({task + ": " + c.optimizer + ", " + c.state, std::move(c)});
      }
  return cases;
}

int64_t allowed_difference(int64_t measured, bool whole) {
  const auto share = static_cast<int64_t>(0.02 * static_cast<double>(measured));
  return whole ? share : std::max<int64_t>(share, 65536);
}

std::string check_prediction(const MemoryCase& c, const tools::TextData& data) {
  INFO(c.name);
  const tools::MemoryForecast told = forecast(c.config, workload_of(c.config, data));
  const Device device = tools::open_device(c.config.device, c.config.precision);
  ledger(device).reset_peaks();
  // A GPU keeps the sizes of the last batch.
  REQUIRE(ledger(device).use().live_total <= (device.is_cpu() ? 0 : 65536));
  tools::Trainer trainer(c.config, data);
  while (!trainer.done()) {
    trainer.train_epoch([](const tools::StepReport&) {}, [] { return false; });
    trainer.finish_epoch();
  }
  const MemoryUse& use = trainer.state().memory;
  std::string line = c.name + ": " + std::to_string(told.peak) + " of " + std::to_string(use.peak_total);
  CHECK(std::abs(told.peak - use.peak_total) <= allowed_difference(use.peak_total, true));
  int64_t sum = 0, listed = 0;
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    const char* name = name_of(static_cast<MemoryTag>(tag));
    INFO(name, " predicted ", told.at_peak[tag], ", measured ", use.at_peak[tag]);
    CHECK(std::abs(told.at_peak[tag] - use.at_peak[tag]) <= allowed_difference(use.at_peak[tag], false));
    CHECK(std::abs(told.largest[tag] - use.peak[tag]) <= allowed_difference(use.peak[tag], false));
    line += std::string(", ") + name + " " + std::to_string(told.at_peak[tag] - use.at_peak[tag]);
    sum += told.at_peak[tag];
  }
  for (const tools::PlannedTensor& tensor : told.tensors) listed += tensor.bytes;
  CHECK(sum == told.peak);
  CHECK(listed == told.peak);
  CHECK(told.state_bytes == trainer.optimizer().state_bytes());
  int64_t weight_bytes = 0;
  for (const NamedParameter& parameter : trainer.model().parameters())
    weight_bytes += parameter.variable.value().bytes();
  CHECK(told.weight_bytes == weight_bytes);
  CHECK(told.parameters == trainer.model().parameter_count());
  return line + "; " + told.phase;
}

}  // namespace octet::testing
