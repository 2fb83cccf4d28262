#include <array>
#include <memory>

#include "core/backend.h"
#include "core/rng.h"
#include "tools/commands/bench_ops.h"

namespace octet::tools {
namespace {

constexpr std::array<int, 2> kTurn = {1, 0};  // the axes of a transposed matrix

struct Sizes {
  int64_t batch, time, embedding, hidden;  // of the LSTM
  LstmConfig lstm;
  int64_t rows, width, vocabulary;  // of everything else
};

Sizes sizes_for(Device device) {
  if (device.is_cpu())
    return {64, 18, 100, 64, {100, 64, 2, true}, 64 * 18, 128, 1751};  // 18 tokens: SMS' mean
  return {50, 500, 64, 64, {64, 64, 2, false}, 32 * 256, 768, 30522};
}

std::string by(int64_t rows, int64_t cols) { return std::to_string(rows) + "x" + std::to_string(cols); }

class Cases {
 public:
  explicit Cases(Device device) : device_(device), sizes_(sizes_for(device)), k_(kernels(device)) {}

  // [m, k] x [k, n]; a transposed operand lies the other way round in memory.
  OpCase matmul(const char* what, int64_t m, int64_t k, int64_t n, bool transpose_a, bool transpose_b) const {
    const MatmulArgs args{.a = random(transpose_a ? Shape{1, k, m} : Shape{1, m, k}),
                          .b = random(transpose_b ? Shape{1, n, k} : Shape{1, k, n}),
                          .y = empty({1, m, n}),
                          .transpose_a = transpose_a,
                          .transpose_b = transpose_b};
    return {std::string("matmul ") + what, by(m, k) + "x" + std::to_string(n),
            2.0 * static_cast<double>(m * k * n), 0, [args, this_k = &k_] { this_k->matmul.batched(args); }};
  }

  std::vector<OpCase> products() const {
    const auto& [batch, time, embedding, hidden, config, rows, width, vocabulary] = sizes_;
    const int64_t gates = 4 * hidden, tokens = batch * time;
    std::vector<OpCase> cases = {matmul("input gates", tokens, embedding, gates, false, true),
                                 matmul("recurrent gates", batch, hidden, gates, false, true),
                                 matmul("weight gradient", gates, tokens, embedding, true, false)};
    if (!device_.is_cpu()) {
      cases.push_back(matmul("feed-forward", rows, width, 4 * width, false, true));
      cases.push_back(matmul("feed-forward gradient", 4 * width, rows, width, true, false));
    }
    return cases;
  }

  // All layers of the model in one call, all gradients wanted.
  std::vector<OpCase> lstm() const {
    const LstmConfig& config = sizes_.lstm;
    const int64_t rows = sizes_.batch * sizes_.time;
    const PackingPtr packing =
        Packing::of(std::vector<int64_t>(static_cast<size_t>(sizes_.batch), sizes_.time));
    auto weights = std::make_shared<std::vector<Tensor>>(),
         dweights = std::make_shared<std::vector<Tensor>>();
    double flops = 0;
    for (int64_t cell = 0; cell < config.cells(); ++cell) {
      const int64_t input = config.input_of(cell / config.directions()), gates = 4 * config.hidden;
      flops += 2.0 * static_cast<double>(rows * gates * (input + config.hidden));
      for (const Shape& shape :
           {Shape{gates, input}, Shape{gates, config.hidden}, Shape{gates}, Shape{gates}}) {
        weights->push_back(random(shape));
        dweights->push_back(empty(shape));
      }
    }
    const Shape last = {config.cells(), sizes_.batch, config.hidden};
    LstmForward f{.config = config,
                  .packing = packing,
                  .x = random({rows, config.input}),
                  .weights = *weights,
                  .y = empty({rows, config.directions() * config.hidden}),
                  .h_n = empty(last),
                  .c_n = empty(last)};
    f.reserve = Tensor::empty({k_.recurrent.lstm_reserve(device_, config, *packing, DType::F32)}, DType::U8,
                              device_, MemoryTag::Workspace);
    const LstmBackward b{.config = config,
                         .packing = packing,
                         .x = f.x,
                         .weights = *weights,
                         .y = f.y,
                         .reserve = f.reserve,
                         .dh_n = random(last),
                         .dx = empty({rows, config.input}),
                         .dweights = *dweights};
    const std::string size = by(sizes_.batch, sizes_.time) + ", H=" + std::to_string(config.hidden) + ", " +
                             std::to_string(config.cells()) + " cells";
    // The tensors' spans point into *weights and *dweights, which the functions keep alive. Backward uses the
    // reserve up, so a forward pass that is not timed comes before each.
    const auto forward = [f, weights, k = &k_] { k->recurrent.lstm_forward(f); };
    const auto backward = [b, weights, dweights, k = &k_] { k->recurrent.lstm_backward(b); };
    return {{"lstm forward", size, flops, 0, forward},
            {"lstm backward", size, 2 * flops, 0, backward, forward}};
  }

  std::vector<OpCase> row_kernels() const {
    const Shape shape = {sizes_.rows, sizes_.width};
    const Tensor x = random(shape), dy = random(shape), y = empty(shape), probabilities = empty(shape);
    const Tensor gain = random({sizes_.width}), bias = random({sizes_.width}), dgain = empty({sizes_.width}),
                 dbias = empty({sizes_.width});
    const Tensor mean = empty({sizes_.rows}), inverse_std = empty({sizes_.rows});
    k_.softmax.forward(x, probabilities);
    k_.layer_norm.forward(x, gain, bias, 1e-5, y, mean, inverse_std);
    return {
        streaming("softmax", x, 2, [=, &k = k_] { k.softmax.forward(x, y); }),
        streaming("softmax backward", x, 3, [=, &k = k_] { k.softmax.backward(probabilities, dy, y); }),
        streaming("layer norm", x, 2,
                  [=, &k = k_] { k.layer_norm.forward(x, gain, bias, 1e-5, y, mean, inverse_std); }),
        streaming("layer norm backward", x, 3,
                  [=, &k = k_] { k.layer_norm.backward(x, gain, mean, inverse_std, dy, y, dgain, dbias); }),
    };
  }

  std::vector<OpCase> losses() const {
    const Tensor logits = random({sizes_.rows, sizes_.width}), dlogits = empty({sizes_.rows, sizes_.width});
    const Tensor labels = random_ids(sizes_.rows, sizes_.width), loss = empty({});
    const Tensor dloss = Tensor::full({}, 1, DType::F32, device_, MemoryTag::Workspace);
    const Tensor logit = random({sizes_.batch}), dlogit = empty({sizes_.batch});
    const Tensor target = Tensor::full({sizes_.batch}, 1, DType::F32, device_, MemoryTag::Workspace);
    const std::string size = std::to_string(sizes_.batch);
    return {
        streaming("cross-entropy", logits, 1, [=, &k = k_] { k.loss.cross_entropy(logits, labels, loss); }),
        streaming("cross-entropy backward", logits, 2,
                  [=, &k = k_] { k.loss.cross_entropy_backward(logits, labels, dloss, dlogits); }),
        // Too small for a rate to mean anything.
        {"binary cross-entropy", size, 0, 0,
         [=, &k = k_] { k.loss.binary_cross_entropy(logit, target, loss); }},
        {"binary cross-entropy backward", size, 0, 0,
         [=, &k = k_] { k.loss.binary_cross_entropy_backward(logit, target, dloss, dlogit); }},
    };
  }

  std::vector<OpCase> other_kernels() const {
    const int64_t rows = sizes_.rows, width = sizes_.width, vocabulary = sizes_.vocabulary;
    const Shape shape = {rows, width};
    const Tensor table = random({vocabulary, width}), dtable = empty({vocabulary, width});
    const Tensor ids = random_ids(rows, vocabulary), looked_up = random(shape);
    const Tensor x = random(shape), other = random(shape), y = empty(shape);
    const Tensor turned = empty({width, rows}), sums = empty({1, width});
    const Tensor bf16 = Tensor::empty(shape, DType::BF16, device_, MemoryTag::Workspace);
    const auto read = static_cast<double>(looked_up.bytes()), all = static_cast<double>(dtable.bytes());
    constexpr size_t add = IndexIn<Add, BinaryOps>::value, tanh = IndexIn<Tanh, UnaryOps>::value,
                     gelu = IndexIn<Gelu, UnaryOps>::value;
    return {
        {"embedding", by(rows, width), 0, 2 * read,
         [=, &k = k_] { k.embedding.forward(table, ids, looked_up); }},
        {"embedding backward", by(rows, width), 0, read + all,
         [=, &k = k_] { k.embedding.backward(ids, looked_up, 1, dtable); }},
        streaming("dropout", x, 2, [=, &k = k_] { k.dropout.apply(x, 0.2, 1, 0, y); }),
        streaming("add", x, 3, [=, &k = k_] { k.pointwise.binary[add](x, other, y); }),
        streaming("tanh", x, 2, [=, &k = k_] { k.pointwise.unary[tanh](x, y); }),
        streaming("gelu backward", x, 3, [=, &k = k_] { k.pointwise.unary_backward[gelu](x, other, y); }),
        streaming("sum of rows", x, 1, [=, &k = k_] { k.reduce.sum_to(x, 1, sums); }),
        streaming("transpose", x, 2, [=, &k = k_] { k.layout.permute(x, kTurn, turned); }),
        streaming("copy of a block", x, 2,
                  [=, &k = k_, half = width / 2] {
                    k.layout.copy_block(x, y, {rows, half, 0, 2 * half, half, 2 * half});
                    k.layout.copy_block(x, y, {rows, half, half, 2 * half, 0, 2 * half});
                  }),
        streaming("f32 to bf16", x, 1.5, [=, &k = k_] { k.memory.convert(x, bf16); }),
    };
  }

 private:
  // `passes`: how often a value of x's size is read or written.
  static OpCase streaming(const char* op, const Tensor& x, double passes, std::function<void()> run) {
    return {op, by(x.rows(), x.cols()), 0, passes * static_cast<double>(x.bytes()), std::move(run)};
  }
  Tensor empty(const Shape& shape) const {
    return Tensor::empty(shape, DType::F32, device_, MemoryTag::Workspace);
  }
  Tensor random(const Shape& shape) const {
    Rng rng(static_cast<uint64_t>(shape.numel()));
    std::vector<float> values(static_cast<size_t>(shape.numel()));
    for (float& value : values) value = static_cast<float>(rng.uniform() - 0.5);
    return Tensor::from(values, shape, device_, MemoryTag::Workspace);
  }
  Tensor random_ids(int64_t count, int64_t below) const {
    Rng rng(1);
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (int32_t& id : ids) id = static_cast<int32_t>(rng.below(static_cast<uint64_t>(below)));
    return Tensor::from(ids, {count}, device_, MemoryTag::Workspace);
  }

  Device device_;
  Sizes sizes_;
  const KernelTable& k_;
};

}  // namespace

std::vector<OpCase> op_cases(Device device) {
  const Cases all(device);
  std::vector<OpCase> cases;
  for (const auto& family :
       {all.products(), all.lstm(), all.other_kernels(), all.row_kernels(), all.losses()})
    cases.insert(cases.end(), family.begin(), family.end());
  return cases;
}

OpCase largest_product(Device device) {
  const int64_t n = device.is_cpu() ? 1024 : 8192;
  return Cases(device).matmul("roof", n, n, n, false, false);
}

}  // namespace octet::tools
