// Times an epoch of the IMDB experiment's shape and prints it as a JSON line: training steps and batches of
// validation of 50 texts of 500 ids, Adam, gradients clipped at norm 5. Used by imdb_vs_torch.py. The ids are
// random, or those of real reviews, filled up with zeros on the left as in the experiment; --share off
// computes every review's padding. On the CPU, step_ms is the median time of a training step, least_step_ms
// the shortest (on a busy machine the others' share is in all but that), step_cpu_ms the mean time of all
// cores.
//   bench_imdb_epoch [--device cpu|cuda] [--layers N] [--state CODEC] [--precision fp32|tf32|bf16]
//                    [--steps N] [--evaluations N] [--epochs N] [--threads N]
//                    [--reviews FILE] [--share on|off]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "core/ledger.h"
#include "datasets/imdb_words.h"
#include "datasets/word_ids.h"
#include "tests/support/classifier_training.h"

using namespace octet;

namespace {

using Flags = std::map<std::string, std::string>;

Flags parse(int argc, char** argv) {
  Flags flags = {{"--device", "cuda"}, {"--layers", "2"},        {"--state", "fp32"}, {"--precision", "fp32"},
                 {"--steps", "750"},   {"--evaluations", "250"}, {"--epochs", "1"},   {"--threads", "0"},
                 {"--reviews", ""},    {"--share", "on"}};
  for (int i = 1; i < argc; i += 2) {
    require(flags.count(argv[i]) && i + 1 < argc, "bench_imdb_epoch: ", argv[i],
            " is no flag or has no value");
    flags[argv[i]] = argv[i + 1];
  }
  return flags;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int64_t kBatch = 50, kLength = 500;

// Batches of reviews drawn without an order, as the experiment shuffles them; the vocabulary is that of all.
std::vector<testing::TextBatch> review_batches(const std::string& file, int64_t count, bool share) {
  const WordCorpus corpus = read_imdb_words(file, {}).corpus;
  std::vector<int32_t> rows(static_cast<size_t>(corpus.rows()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  const WordVocabulary words = WordVocabulary::most_frequent(corpus, count_words(corpus, rows), 1000);
  const auto texts = word_sequences(corpus, words.ids_of(corpus), rows, kLength, Keep::First);
  Rng rng(1);
  std::vector<testing::TextBatch> batches;
  while (static_cast<int64_t>(batches.size()) < count) {
    testing::TextBatch& batch = batches.emplace_back();
    batch.padded = kLength;
    batch.share = share;
    for (int64_t i = 0; i < kBatch; ++i) {
      const auto row = static_cast<size_t>(rng.below(texts.size()));
      batch.texts.push_back(texts[row]);
      batch.labels.push_back(static_cast<float>(corpus.labels[row]));
    }
  }
  return batches;
}

std::vector<testing::TextBatch> random_batches(int64_t count) {
  Rng rng(1);
  std::vector<testing::TextBatch> batches;
  while (static_cast<int64_t>(batches.size()) < count)
    batches.push_back(testing::random_batch(kBatch, kLength, true, 1001, rng));
  return batches;
}

double cpu_now() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void run(const Flags& flags) {
  const auto number = [&](const char* flag) { return std::stoll(flags.at(flag)); };
  const std::string& precision = flags.at("--precision");
  const Device device = flags.at("--device") == "cuda" ? Device::cuda() : Device::cpu();
  cpu::set_thread_count(static_cast<int>(number("--threads")));
  set_precision(device, precision == "tf32"   ? MatmulPrecision::Tf32
                        : precision == "bf16" ? MatmulPrecision::Bf16
                                              : MatmulPrecision::Fp32);
  testing::Training training({.model = {.vocabulary = 1001,
                                        .embedding = 64,
                                        .hidden = 64,
                                        .layers = number("--layers"),
                                        .bidirectional = false,
                                        .dropout = 0,
                                        .head_dropout = 0.3},
                              .codec = flags.at("--state"),
                              .lr = 1e-3,
                              .max_norm = 5},
                             device);
  const std::string& reviews = flags.at("--reviews");
  const std::vector<testing::TextBatch> batches =
      reviews.empty() ? random_batches(50) : review_batches(reviews, 50, flags.at("--share") == "on");
  const auto batch = [&](int64_t i) -> const testing::TextBatch& {
    return batches[static_cast<size_t>(i) % batches.size()];
  };
  // Summed on the device and read once, as the trainer does.
  const Tensor train_loss = Tensor::zeros({}, DType::F32, device, MemoryTag::Workspace);
  const Tensor validation_loss = Tensor::zeros({}, DType::F32, device, MemoryTag::Workspace);
  for (int i = 0; i < 3; ++i) training.step(batch(i));
  training.evaluate(batch(0));
  backend(device).synchronize(device);

  const int64_t steps = number("--steps"), evaluations = number("--evaluations");
  require(steps >= 1, "bench_imdb_epoch: --steps ", steps, " is below 1");
  for (int64_t epoch = 1; epoch <= number("--epochs"); ++epoch) {
    train_loss.fill(0), validation_loss.fill(0);
    std::vector<double> step_ms;
    const double start = now(), cpu_start = cpu_now();
    for (int64_t i = 0; i < steps; ++i) {
      const double before = now();
      kernels(device).pointwise.accumulate(training.step(batch(i)), train_loss);
      step_ms.push_back(1e3 * (now() - before));
    }
    const double loss = train_loss.item() / static_cast<double>(steps), middle = now(),
                 step_cpu = (cpu_now() - cpu_start) / static_cast<double>(steps);
    for (int64_t i = 0; i < evaluations; ++i)
      kernels(device).pointwise.accumulate(training.evaluate(batch(i)), validation_loss);
    validation_loss.item();
    const double end = now();
    std::printf(
        "{\"device\":\"%s\",\"layers\":%lld,\"state\":\"%s\",\"precision\":\"%s\",\"steps\":%lld,"
        "\"evaluations\":%lld,\"epoch\":%lld,\"seconds\":%.4f,\"train_seconds\":%.4f,\"train_loss\":%.6f,"
        "\"step_ms\":%.2f,\"least_step_ms\":%.2f,\"step_cpu_ms\":%.2f,\"peak_bytes\":%lld}\n",
        flags.at("--device").c_str(), number("--layers"), flags.at("--state").c_str(), precision.c_str(),
        static_cast<long long>(steps), static_cast<long long>(evaluations), static_cast<long long>(epoch),
        end - start, middle - start, loss, median(step_ms), *std::min_element(step_ms.begin(), step_ms.end()),
        1e3 * step_cpu, static_cast<long long>(ledger(device).use().peak_total));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const Error& error) {
    std::fprintf(stderr, "bench_imdb_epoch: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_imdb_epoch: %s\n", error.what());
    return 2;
  }
  return 0;
}
