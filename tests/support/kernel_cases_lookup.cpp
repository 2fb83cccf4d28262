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

void add_cross_entropy(Cases& cases, int64_t rows, int64_t classes, double low, double high) {
  const Shape shape = {rows, classes};
  const std::string what = shape.text() + " logits in " + std::to_string(low) + ".." + std::to_string(high);
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
    double sum = 0;
    for (int64_t row = 0; row < rows; ++row)
      sum -= std::log(probability(row, labels[static_cast<size_t>(row)]));
    const Tensor loss = s.out({});
    s.kernels().loss.cross_entropy(s.in(x, shape), s.ids(labels), loss);
    s.expect("loss", loss, {sum / static_cast<double>(rows)});
  });
  add_case(cases, "loss.cross_entropy_backward", what, [=](Stage& s) {
    Values expected;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < classes; ++i)
        expected.push_back(0.75 / static_cast<double>(rows) *
                           (probability(row, i) - (labels[static_cast<size_t>(row)] == i ? 1 : 0)));
    const Tensor dlogits = s.out(shape);
    s.kernels().loss.cross_entropy_backward(s.in(x, shape), s.ids(labels), s.in({0.75}, {}), dlogits);
    s.expect("dlogits", dlogits, expected);
  });
}

void add_binary_cross_entropy(Cases& cases, int64_t count, double range) {
  const std::string what = Shape{count}.text() + " logits within " + std::to_string(range);
  const Values x = random_values(count, -range, range, 5);
  Values targets = random_values(count, 0, 1, 6);
  for (size_t i = 0; i < targets.size(); ++i)
    if (i % 3) targets[i] = targets[i] > 0.5;  // most are labels, some lie between
  const auto weight = 1 / static_cast<double>(count);
  add_case(cases, "loss.binary_cross_entropy", what, [=](Stage& s) {
    double sum = 0;  // -t log s(x) - (1 - t) log s(-x), s the logistic function
    for (size_t i = 0; i < x.size(); ++i)
      sum += targets[i] * std::log1p(std::exp(-x[i])) + (1 - targets[i]) * std::log1p(std::exp(x[i]));
    const Tensor loss = s.out({});
    s.kernels().loss.binary_cross_entropy(s.in(x, {count}), s.in(targets, {count}), loss);
    s.expect("loss", loss, {sum * weight});
  });
  add_case(cases, "loss.binary_cross_entropy_backward", what, [=](Stage& s) {
    Values expected;
    for (size_t i = 0; i < x.size(); ++i)
      expected.push_back(0.75 * weight * (1 / (1 + std::exp(-x[i])) - targets[i]));
    const Tensor dlogits = s.out({count});
    s.kernels().loss.binary_cross_entropy_backward(s.in(x, {count}), s.in(targets, {count}), s.in({0.75}, {}),
                                                   dlogits);
    s.expect("dlogits", dlogits, expected);
  });
}

}  // namespace

void add_lookup_cases(Cases& cases) {
  add_embedding(cases, 1, 1, {0}, -1);
  add_embedding(cases, 5, 3, {4, 0, -1, 4, 2, 4, 2}, 2);
  add_embedding(cases, 400, 131, random_ids(3001, -1, 400, 7), 0);
  add_embedding(cases, 3, 2, random_ids(1000, 0, 3, 8), -1);  // few rows, each met often
  add_cross_entropy(cases, 1, 1, -1, 1);
  add_cross_entropy(cases, 4, 3, -3, 3);
  add_cross_entropy(cases, 6, 5, -300, 300);
  add_cross_entropy(cases, 301, 129, -3, 3);
  add_binary_cross_entropy(cases, 1, 2);
  add_binary_cross_entropy(cases, 7, 5);
  add_binary_cross_entropy(cases, 33, 80);
  add_binary_cross_entropy(cases, 40001, 5);
}

}  // namespace octet::testing
