// octet bench ops: one line a kernel of the CPU backend, at the sizes that training the SMS model has.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/rng.h"
#include "tools/commands/bench.h"
#include "tools/field_flags.h"
#include "tools/jsonl.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

// A batch of 64 messages of 18 tokens each, the mean of the SMS collection.
constexpr int64_t kBatch = 64, kTime = 18, kRows = kBatch * kTime;
constexpr int64_t kVocabulary = 1751, kEmbedding = 100, kHidden = 64, kWidth = 2 * kHidden,
                  kGates = 4 * kHidden;

constexpr std::array<int, 2> kTurn = {1, 0};  // the axes of a transposed matrix

struct OpsConfig {
  int64_t threads = 0, repeats = 20;
  bool json = false;

  template <class V>
  void visit(V&& v) {
    v(Field{"threads", "CPU threads; 0: all"}, threads, Range{0, 1024});
    v(Field{"repeats", "samples of each kernel, of which the fastest counts"}, repeats, Range{1, 100000});
    v(Field{"json", "a JSON line a kernel"}, json, Switch{});
  }
};

struct OpCase {
  std::string op, size;
  double flops, bytes;  // of one call; 0: says nothing about this kernel
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each call and not timed
};

// The fastest of `repeats` samples, in seconds a call. Calls that need no preparation are put together until
// a sample is long against the clock's own cost.
double fastest_seconds(const OpCase& c, int64_t repeats) {
  using Clock = std::chrono::steady_clock;
  const auto sample = [&](int64_t calls) {
    if (c.prepare) c.prepare();
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) c.run();
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(calls);
  };
  constexpr double kSample = 1e-3;
  sample(1);  // wakes threads and touches memory
  const int64_t calls =
      c.prepare ? 1
                : std::clamp<int64_t>(static_cast<int64_t>(kSample / std::max(sample(1), 1e-9)), 1, 10000);
  double best = sample(calls);
  for (int64_t i = 1; i < repeats; ++i) best = std::min(best, sample(calls));
  return best;
}

Tensor empty(const Shape& shape) {
  return Tensor::empty(shape, DType::F32, Device::cpu(), MemoryTag::Workspace);
}

Tensor random(const Shape& shape) {
  Rng rng(static_cast<uint64_t>(shape.numel()));
  Tensor x = empty(shape);
  for (float& value : x.span<float>()) value = static_cast<float>(rng.uniform() - 0.5);
  return x;
}

Tensor random_ids(int64_t count, int64_t below) {
  Rng rng(1);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(rng.below(static_cast<uint64_t>(below)));
  return Tensor::from(ids, {count});
}

std::string by(int64_t rows, int64_t cols) { return std::to_string(rows) + "x" + std::to_string(cols); }

// [m, k] x [k, n]; a transposed operand lies the other way round in memory.
OpCase matmul(const char* what, int64_t m, int64_t k, int64_t n, bool transpose_a, bool transpose_b) {
  const MatmulArgs args{.a = random(transpose_a ? Shape{1, k, m} : Shape{1, m, k}),
                        .b = random(transpose_b ? Shape{1, n, k} : Shape{1, k, n}),
                        .y = empty({1, m, n}),
                        .transpose_a = transpose_a,
                        .transpose_b = transpose_b};
  return {std::string("matmul ") + what, by(m, k) + "x" + std::to_string(n),
          2.0 * static_cast<double>(m * k * n), 0, [args] { kernels(Device::cpu()).matmul.batched(args); }};
}

// `passes`: how often a value of x's size is read or written.
OpCase streaming(const char* op, const Tensor& x, double passes, std::function<void()> run) {
  return {op, by(x.rows(), x.cols()), 0, passes * static_cast<double>(x.bytes()), std::move(run)};
}

// The two bidirectional layers of the model, all gradients wanted.
std::vector<OpCase> lstm() {
  const LstmConfig config{kEmbedding, kHidden, 2, true};
  const PackingPtr packing = Packing::of(std::vector<int64_t>(kBatch, kTime));
  const RecurrentKernels& k = kernels(Device::cpu()).recurrent;
  auto weights = std::make_shared<std::vector<Tensor>>(), dweights = std::make_shared<std::vector<Tensor>>();
  double flops = 0;
  for (int64_t cell = 0; cell < config.cells(); ++cell) {
    const int64_t input = config.input_of(cell / config.directions());
    flops += 2.0 * static_cast<double>(kRows * kGates * (input + kHidden));
    for (const Shape& shape : {Shape{kGates, input}, Shape{kGates, kHidden}, Shape{kGates}, Shape{kGates}}) {
      weights->push_back(random(shape));
      dweights->push_back(empty(shape));
    }
  }
  const Shape last = {config.cells(), kBatch, kHidden};
  LstmForward f{.config = config,
                .packing = packing,
                .x = random({kRows, kEmbedding}),
                .weights = *weights,
                .y = empty({kRows, kWidth}),
                .h_n = empty(last),
                .c_n = empty(last)};
  f.reserve = Tensor::empty({k.lstm_reserve(Device::cpu(), config, *packing, DType::F32)}, DType::U8,
                            Device::cpu(), MemoryTag::Workspace);
  const LstmBackward b{.config = config,
                       .packing = packing,
                       .x = f.x,
                       .weights = *weights,
                       .y = f.y,
                       .reserve = f.reserve,
                       .dh_n = random(last),
                       .dx = empty({kRows, kEmbedding}),
                       .dweights = *dweights};
  const std::string size = by(kBatch, kTime) + ", H=" + std::to_string(kHidden);
  // The tensors' spans point into *weights and *dweights, which the functions keep alive. Backward uses the
  // reserve up, so a forward pass that is not timed comes before each.
  const auto forward = [f, weights] { kernels(Device::cpu()).recurrent.lstm_forward(f); };
  const auto backward = [b, weights, dweights] { kernels(Device::cpu()).recurrent.lstm_backward(b); };
  return {{"lstm forward", size, flops, 0, forward},
          {"lstm backward", size, 2 * flops, 0, backward, forward}};
}

std::vector<OpCase> row_kernels() {
  const KernelTable& k = kernels(Device::cpu());
  const Tensor x = random({kRows, kWidth}), dy = random({kRows, kWidth}), y = empty({kRows, kWidth});
  const Tensor gain = random({kWidth}), bias = random({kWidth}), dgain = empty({kWidth}),
               dbias = empty({kWidth});
  const Tensor mean = empty({kRows}), inverse_std = empty({kRows});
  const Tensor probabilities = empty({kRows, kWidth});
  k.softmax.forward(x, probabilities);
  k.layer_norm.forward(x, gain, bias, 1e-5, y, mean, inverse_std);
  return {
      streaming("softmax", x, 2, [=, &k] { k.softmax.forward(x, y); }),
      streaming("softmax backward", x, 3, [=, &k] { k.softmax.backward(probabilities, dy, y); }),
      streaming("layer norm", x, 2,
                [=, &k] { k.layer_norm.forward(x, gain, bias, 1e-5, y, mean, inverse_std); }),
      streaming("layer norm backward", x, 3,
                [=, &k] { k.layer_norm.backward(x, gain, mean, inverse_std, dy, y, dgain, dbias); }),
  };
}

std::vector<OpCase> losses() {
  const KernelTable& k = kernels(Device::cpu());
  const Tensor logits = random({kRows, kWidth}), dlogits = empty({kRows, kWidth});
  const Tensor labels = random_ids(kRows, kWidth), loss = empty({});
  const Tensor dloss = Tensor::full({}, 1, DType::F32, Device::cpu(), MemoryTag::Workspace);
  const Tensor logit = random({kBatch}), dlogit = empty({kBatch});
  const Tensor target = Tensor::full({kBatch}, 1, DType::F32, Device::cpu(), MemoryTag::Workspace);
  const std::string size = std::to_string(kBatch);
  return {
      streaming("cross-entropy", logits, 1, [=, &k] { k.loss.cross_entropy(logits, labels, loss); }),
      streaming("cross-entropy backward", logits, 2,
                [=, &k] { k.loss.cross_entropy_backward(logits, labels, dloss, dlogits); }),
      // Too small for a rate to mean anything.
      {"binary cross-entropy", size, 0, 0, [=, &k] { k.loss.binary_cross_entropy(logit, target, loss); }},
      {"binary cross-entropy backward", size, 0, 0,
       [=, &k] { k.loss.binary_cross_entropy_backward(logit, target, dloss, dlogit); }},
  };
}

std::vector<OpCase> other_kernels() {
  const KernelTable& k = kernels(Device::cpu());
  const Tensor table = random({kVocabulary, kEmbedding}), dtable = empty({kVocabulary, kEmbedding});
  const Tensor ids = random_ids(kRows, kVocabulary), looked_up = random({kRows, kEmbedding});
  const Tensor x = random({kRows, kWidth}), other = random({kRows, kWidth}), y = empty({kRows, kWidth});
  const Tensor turned = empty({kWidth, kRows}), sums = empty({1, kWidth});
  const Tensor bf16 = Tensor::empty({kRows, kWidth}, DType::BF16, Device::cpu(), MemoryTag::Workspace);
  const auto rows = static_cast<double>(looked_up.bytes()), all = static_cast<double>(dtable.bytes());
  constexpr size_t add = IndexIn<Add, BinaryOps>::value, tanh = IndexIn<Tanh, UnaryOps>::value;
  return {
      {"embedding", by(kRows, kEmbedding), 0, 2 * rows,
       [=, &k] { k.embedding.forward(table, ids, looked_up); }},
      {"embedding backward", by(kRows, kEmbedding), 0, rows + all,
       [=, &k] { k.embedding.backward(ids, looked_up, 1, dtable); }},
      streaming("dropout", x, 2, [=, &k] { k.dropout.apply(x, 0.2, 1, 0, y); }),
      streaming("add", x, 3, [=, &k] { k.pointwise.binary[add](x, other, y); }),
      streaming("tanh", x, 2, [=, &k] { k.pointwise.unary[tanh](x, y); }),
      streaming("sum of rows", x, 1, [=, &k] { k.reduce.sum_to(x, 1, sums); }),
      streaming("transpose", x, 2, [=, &k] { k.layout.permute(x, kTurn, turned); }),
      streaming("f32 to bf16", x, 1.5, [=, &k] { k.memory.convert(x, bf16); }),
  };
}

std::vector<OpCase> all_cases() {
  std::vector<OpCase> cases = {
      matmul("layer 1 input gates", kRows, kEmbedding, kGates, false, true),
      matmul("layer 2 input gates", kRows, kWidth, kGates, false, true),
      matmul("recurrent gates", kBatch, kHidden, kGates, false, true),
      matmul("weight gradient", kGates, kRows, kWidth, true, false),
  };
  for (auto* family : {lstm, other_kernels, row_kernels, losses})
    for (OpCase& c : family()) cases.push_back(std::move(c));
  return cases;
}

int bench_ops(const OpsConfig& config) {
  cpu::set_thread_count(static_cast<int>(config.threads));
  JsonLines lines(1, "standard output");
  Table table({"kernel", "size", "us", "GFLOP/s", "GB/s", "copy GB/s"}, 2);
  for (const OpCase& c : all_cases()) {
    const double seconds = fastest_seconds(c, config.repeats);
    const double gflops = c.flops / seconds / 1e9, gbps = c.bytes / seconds / 1e9;
    const double copy =
        c.bytes > 0 ? copy_gbps_like(Device::cpu(), c.bytes, static_cast<int>(config.repeats)) : 0;
    using Json = nlohmann::ordered_json;
    if (config.json)
      lines.write({{"op", c.op},
                   {"size", c.size},
                   {"device", "cpu"},
                   {"ms", 1e3 * seconds},
                   {"gflops", c.flops > 0 ? Json(gflops) : Json()},
                   {"gbps", c.bytes > 0 ? Json(gbps) : Json()},
                   {"copy_gbps", c.bytes > 0 ? Json(copy) : Json()}});
    table.row({c.op, c.size, fixed(1e6 * seconds, 1), c.flops > 0 ? fixed(gflops, 1) : "-",
               c.bytes > 0 ? fixed(gbps, 1) : "-", c.bytes > 0 ? fixed(copy, 1) : "-"});
  }
  if (config.json) return 0;
  std::fputs(table.text().c_str(), stdout);
  std::printf(
      "\ncpu, %d threads, f32; fastest of %lld samples; copy: a plain copy that moves as many bytes\n",
      cpu::thread_count(), static_cast<long long>(config.repeats));
  return 0;
}

}  // namespace

std::function<int()> declare_bench_ops(CLI::App& app) { return declare_with(app, bench_ops); }

}  // namespace octet::tools
