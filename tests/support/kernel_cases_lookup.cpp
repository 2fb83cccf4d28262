#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

// Uniform in [low, high).
std::vector<int32_t> random_ids(int64_t count, int32_t low, int32_t high, uint64_t seed) {
  Rng rng(seed);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(low + static_cast<int32_t>(rng.below(static_cast<uint64_t>(high - low))));
  return ids;
}

void add_embedding(Cases& cases, int64_t rows, int64_t cols, const std::vector<int32_t>& ids,
                   int64_t padding) {
  const auto count = static_cast<int64_t>(ids.size());
  const std::string what = Shape{rows, cols}.text() + " at " + std::to_string(count) + " ids";
  add_case(cases, "embedding.forward", what, [=](Stage& s) {
    const Values table = random_values(rows * cols, -1, 1, 1);
    Values expected;
    for (const int32_t id : ids)
      for (int64_t i = 0; i < cols; ++i)
        expected.push_back(id < 0 ? 0 : table[static_cast<size_t>(id * cols + i)]);
    const Tensor y = s.out({count, cols});
    s.kernels().embedding.forward(s.in(table, {rows, cols}), s.ids(ids), y);
    s.expect_exactly("y", values_of(y), expected);
  });
  add_case(cases, "embedding.backward", what + ", padding " + std::to_string(padding), [=](Stage& s) {
    const Values dy = random_values(count * cols, -1, 1, 2);
    Values expected(static_cast<size_t>(rows * cols), 0.0);
    for (int64_t i = 0; i < count; ++i) {
      const int32_t id = ids[static_cast<size_t>(i)];
      for (int64_t c = 0; c < cols; ++c)
        if (id >= 0 && id != padding)
          expected[static_cast<size_t>(id * cols + c)] += dy[static_cast<size_t>(i * cols + c)];
    }
    const Tensor dtable = s.out({rows, cols});
    s.kernels().embedding.backward(s.ids(ids), s.in(dy, {count, cols}), padding, dtable);
    s.expect("dtable", dtable, expected);
  });
}

// From a table of BF16 the rows come as f32, whatever type the stage computes with.
void add_embedding_bf16(Cases& cases, int64_t rows, int64_t cols, const std::vector<int32_t>& ids) {
  const auto count = static_cast<int64_t>(ids.size());
  const std::string what = Shape{rows, cols}.text() + " of bf16 at " + std::to_string(count) + " ids";
  add_case(cases, "embedding.forward", what, [=](Stage& s) {
    const Tensor table =
        s.in(random_values(rows * cols, -1, 1, 1), {rows, cols}).to(DType::BF16, MemoryTag::Weights);
    const Values held = values_of(table);
    Values expected;
    for (const int32_t id : ids)
      for (int64_t i = 0; i < cols; ++i)
        expected.push_back(id < 0 ? 0 : held[static_cast<size_t>(id * cols + i)]);
    const Tensor y = Tensor::full({count, cols}, NAN, DType::F32, s.device(), MemoryTag::Data);
    s.kernels().embedding.forward(table, s.ids(ids), y);
    s.expect_exactly("y", values_of(y), expected);
  });
}

// How much the rows of a loss count: all the same, differently (a third of them not at all), or not at all.
enum class Weights { None, Random, Zero };

struct RowWeights {
  Values values;  // [rows]; empty: all rows count the same
  double total;
  std::string what;

  RowWeights(Weights kind, int64_t rows, uint64_t seed) : total(static_cast<double>(rows)) {
    if (kind == Weights::None) return;
    values = random_values(rows, 0, 4, seed);
    what = kind == Weights::Zero ? ", weights of 0" : ", weights";
    total = 0;
    for (size_t row = 0; row < values.size(); ++row) {
      if (row % 3 == 1 || kind == Weights::Zero) values[row] = 0;
      total += values[row];
    }
  }
  // What a row's loss is multiplied with in the mean.
  double share(size_t row) const {
    if (total == 0) return 0;
    return (values.empty() ? 1 : values[row]) / total;
  }
  LossTargets targets(const Stage& s, const Tensor& labels) const {
    if (values.empty()) return labels;
    return {labels, s.in(values, {static_cast<int64_t>(values.size())})};
  }
};

// Weights that are all 1 change nothing, not even the last bit.
void expect_same_with_ones(Stage& s, LossKernels::Forward forward, LossKernels::Backward backward,
                           const Tensor& logits, const Tensor& labels) {
  const int64_t rows = labels.numel();
  const LossTargets ones(labels, s.in(Values(static_cast<size_t>(rows), 1.0), {rows}));
  const Tensor dloss = s.in({0.75}, {});
  const auto outputs = [&](const LossTargets& targets) {
    const Tensor loss = s.out({}), dlogits = s.out(logits.shape());
    forward(logits, targets, loss);
    backward(logits, targets, dloss, dlogits);
    Values values = values_of(dlogits);
    values.push_back(values_of(loss)[0]);
    return values;
  };
  s.expect_exactly("dlogits and loss with weights of 1", outputs(ones), outputs(labels));
}

void add_cross_entropy(Cases& cases, int64_t rows, int64_t classes, double low, double high,
                       Weights kind = Weights::None) {
  const Shape shape = {rows, classes};
  const RowWeights weights(kind, rows, 9);
  const std::string what =
      shape.text() + " logits in " + std::to_string(low) + ".." + std::to_string(high) + weights.what;
  const Values x = random_values(shape.numel(), low, high, 3);
  const std::vector<int32_t> labels = random_ids(rows, 0, static_cast<int32_t>(classes), 4);
  const auto probability = [=](int64_t row, int64_t col) {
    double sum = 0;
    for (int64_t i = 0; i < classes; ++i)
      sum +=
          std::exp(x[static_cast<size_t>(row * classes + i)] - x[static_cast<size_t>(row * classes + col)]);
    return 1 / sum;
  };
  add_case(cases, "loss.cross_entropy", what, [=](Stage& s) {
    double mean = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const auto i = static_cast<size_t>(row);
      mean -= weights.share(i) * std::log(probability(row, labels[i]));
    }
    const Tensor logits = s.in(x, shape), loss = s.out({});
    const LossKernels& k = s.kernels().loss;
    k.cross_entropy(logits, weights.targets(s, s.ids(labels)), loss);
    s.expect("loss", loss, {mean});
    expect_same_with_ones(s, k.cross_entropy, k.cross_entropy_backward, logits, s.ids(labels));
  });
  add_case(cases, "loss.cross_entropy_backward", what, [=](Stage& s) {
    Values expected;
    for (int64_t row = 0; row < rows; ++row) {
      const auto at = static_cast<size_t>(row);
      const double share = 0.75 * weights.share(at);
      for (int64_t i = 0; i < classes; ++i)
        expected.push_back(share * (probability(row, i) - (labels[at] == i ? 1 : 0)));
    }
    const Tensor dlogits = s.out(shape);
    s.kernels().loss.cross_entropy_backward(s.in(x, shape), weights.targets(s, s.ids(labels)),
                                            s.in({0.75}, {}), dlogits);
    s.expect("dlogits", dlogits, expected);
  });
}

void add_binary_cross_entropy(Cases& cases, int64_t count, double range, Weights kind = Weights::None) {
  const RowWeights weights(kind, count, 10);
  const std::string what = Shape{count}.text() + " logits within " + std::to_string(range) + weights.what;
  const Values x = random_values(count, -range, range, 5);
  Values targets = random_values(count, 0, 1, 6);
  for (size_t i = 0; i < targets.size(); ++i)
    if (i % 3) targets[i] = targets[i] > 0.5;  // most are labels, some lie between
  add_case(cases, "loss.binary_cross_entropy", what, [=](Stage& s) {
    double mean = 0;  // -t log s(x) - (1 - t) log s(-x), s the logistic function
    for (size_t i = 0; i < x.size(); ++i)
      mean += weights.share(i) *
              (targets[i] * std::log1p(std::exp(-x[i])) + (1 - targets[i]) * std::log1p(std::exp(x[i])));
    const Tensor logits = s.in(x, {count}), labels = s.in(targets, {count}), loss = s.out({});
    const LossKernels& k = s.kernels().loss;
    k.binary_cross_entropy(logits, weights.targets(s, labels), loss);
    s.expect("loss", loss, {mean});
    expect_same_with_ones(s, k.binary_cross_entropy, k.binary_cross_entropy_backward, logits, labels);
  });
  add_case(cases, "loss.binary_cross_entropy_backward", what, [=](Stage& s) {
    Values expected;
    for (size_t i = 0; i < x.size(); ++i)
      expected.push_back(0.75 * weights.share(i) * (1 / (1 + std::exp(-x[i])) - targets[i]));
    const Tensor dlogits = s.out({count});
    s.kernels().loss.binary_cross_entropy_backward(
        s.in(x, {count}), weights.targets(s, s.in(targets, {count})), s.in({0.75}, {}), dlogits);
    s.expect("dlogits", dlogits, expected);
  });
}

}  // namespace

void add_lookup_cases(Cases& cases) {
  add_embedding(cases, 1, 1, {0}, -1);
  add_embedding(cases, 5, 3, {4, 0, -1, 4, 2, 4, 2}, 2);
  add_embedding(cases, 400, 131, random_ids(3001, -1, 400, 7), 0);
  add_embedding(cases, 3, 2, random_ids(1000, 0, 3, 8), -1);  // few rows, each met often
  add_embedding_bf16(cases, 1, 1, {0});
  add_embedding_bf16(cases, 5, 3, {4, 0, -1, 4, 2, 4, 2});
  for (const int64_t cols : {64, 66, 131}) add_embedding_bf16(cases, 400, cols, random_ids(3001, -1, 400, 7));
  add_cross_entropy(cases, 1, 1, -1, 1);
  add_cross_entropy(cases, 4, 3, -3, 3);
  add_cross_entropy(cases, 6, 5, -300, 300);
  add_cross_entropy(cases, 301, 129, -3, 3);
  add_cross_entropy(cases, 1, 3, -3, 3, Weights::Random);
  add_cross_entropy(cases, 301, 129, -3, 3, Weights::Random);
  add_cross_entropy(cases, 5, 1500, -3, 3, Weights::Random);  // long rows
  add_cross_entropy(cases, 4, 3, -3, 3, Weights::Zero);
  add_binary_cross_entropy(cases, 1, 2);
  add_binary_cross_entropy(cases, 7, 5);
  add_binary_cross_entropy(cases, 33, 80);
  add_binary_cross_entropy(cases, 40001, 5);
  add_binary_cross_entropy(cases, 1, 2, Weights::Random);
  add_binary_cross_entropy(cases, 33, 80, Weights::Random);
  add_binary_cross_entropy(cases, 40001, 5, Weights::Random);
  add_binary_cross_entropy(cases, 7, 5, Weights::Zero);
}

}  // namespace octet::testing
