// Losses whose rows count differently, against the definition in float64.

#include <cmath>
#include <functional>
#include <limits>

#include "autograd/functions.h"
#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

using Values = std::vector<double>;

const Values kLogits = {2, -1, 0.5, /**/ 0, 3, 1, /**/ -2, -2.5, 4, /**/ 1, 1, 1};  // [4, 3]
const std::vector<int32_t> kLabels = {1, 1, 0, 2};
const Values kScores = {2.5, -1, 0.25, -3};  // [4, 1]
const Values kTargets = {1, 1, 0, 0.75};

struct Result {
  double loss;
  Values gradient;  // of 2 * loss, so that the loss's own gradient is not 1
};

using Loss = std::function<Variable(const Variable& logits)>;

template <class T = double>
Result run(const Values& logits, const Shape& shape, const Loss& loss) {
  const Variable x = Variable::leaf(Tensor::from(std::vector<T>(logits.begin(), logits.end()), shape));
  const Variable y = loss(x);
  affine(y, 2, 0).backward();
  const std::vector<T> gradient = x.grad().template to_vector<T>();
  return {y.value().item(), Values(gradient.begin(), gradient.end())};
}

template <class T = double>
Tensor column(const Values& values) {
  return Tensor::from(std::vector<T>(values.begin(), values.end()), {static_cast<int64_t>(values.size())});
}

template <class T = double>
Result classes(const std::vector<int32_t>& labels, const Values& logits, const Tensor& weights) {
  const auto rows = static_cast<int64_t>(labels.size());
  return run<T>(logits, {rows, 3},
                [&](const Variable& x) { return cross_entropy(x, Tensor::from(labels, {rows}), weights); });
}
template <class T = double>
Result binary(const Values& targets, const Values& logits, const Tensor& weights) {
  const Shape shape = {static_cast<int64_t>(targets.size()), 1};
  return run<T>(logits, shape, [&](const Variable& x) {
    return binary_cross_entropy(x, column<T>(targets).reshape(shape), weights);
  });
}

void check_close(const Result& actual, const Result& expected) {
  CHECK(actual.loss == doctest::Approx(expected.loss).epsilon(1e-13));
  REQUIRE(actual.gradient.size() == expected.gradient.size());
  for (size_t i = 0; i < expected.gradient.size(); ++i)
    CHECK(actual.gradient[i] == doctest::Approx(expected.gradient[i]).epsilon(1e-13));
}

bool same(const Result& a, const Result& b) { return a.loss == b.loss && a.gradient == b.gradient; }

}  // namespace

TEST_CASE("a weighted cross entropy is the weighted mean of the rows' losses") {
  const Values weights = {0.5, 2, 1.25, 3};
  double total = 0;
  Result expected = {0, {}};
  for (const double weight : weights) total += weight;
  for (size_t row = 0; row < 4; ++row) {
    const double* x = &kLogits[row * 3];
    const double sum = std::exp(x[0]) + std::exp(x[1]) + std::exp(x[2]);
    const double share = weights[row] / total;
    expected.loss -= share * std::log(std::exp(x[kLabels[row]]) / sum);
    for (int i = 0; i < 3; ++i)
      expected.gradient.push_back(2 * share * (std::exp(x[i]) / sum - (i == kLabels[row] ? 1 : 0)));
  }
  check_close(classes(kLabels, kLogits, column(weights)), expected);
}

TEST_CASE("a weighted binary cross entropy is the weighted mean of the rows' losses") {
  const Values weights = {0.5, 2, 1.25, 3};
  double total = 0;
  Result expected = {0, {}};
  for (const double weight : weights) total += weight;
  for (size_t row = 0; row < 4; ++row) {
    const double p = 1 / (1 + std::exp(-kScores[row])), share = weights[row] / total;
    expected.loss -= share * (kTargets[row] * std::log(p) + (1 - kTargets[row]) * std::log(1 - p));
    expected.gradient.push_back(2 * share * (p - kTargets[row]));
  }
  check_close(binary(kTargets, kScores, column(weights)), expected);
}

TEST_CASE("two classes cost the same in both losses, by the weights of the class") {
  // sigmoid(x) is the softmax of (0, x); one weight a class, as for a data set with three times more zeros.
  const Values scores = {1.5, -0.5, 0.25, -2}, weights = {2, 2.0 / 3, 2.0 / 3, 2.0 / 3};
  Values pairs;
  for (const double score : scores) pairs.insert(pairs.end(), {0, score});
  const Result one = binary({1, 0, 0, 0}, scores, column(weights));
  const Result two = run(pairs, {4, 2}, [&](const Variable& x) {
    return cross_entropy(x, Tensor::from(std::vector<int32_t>{1, 0, 0, 0}, {4}), column(weights));
  });
  CHECK(two.loss == doctest::Approx(one.loss).epsilon(1e-13));
  for (size_t row = 0; row < 4; ++row)
    CHECK(two.gradient[2 * row + 1] == doctest::Approx(one.gradient[row]).epsilon(1e-13));
}

TEST_CASE("a row of weight 2 counts like two rows, one of weight 0 like none") {
  const Values weights = {2, 1, 0, 1};
  Values logits(kLogits.begin(), kLogits.begin() + 6);
  logits.insert(logits.end(), kLogits.begin(), kLogits.begin() + 3);
  logits.insert(logits.end(), kLogits.begin() + 9, kLogits.end());
  Result many = classes({1, 1, 1, 2}, logits, {});
  const Result few = classes(kLabels, kLogits, column(weights));
  CHECK(few.loss == doctest::Approx(many.loss).epsilon(1e-13));
  for (size_t i = 0; i < 3; ++i) {
    CHECK(few.gradient[i] == doctest::Approx(2 * many.gradient[i]).epsilon(1e-13));
    CHECK(few.gradient[6 + i] == 0);
  }
  const Result repeated = binary({1, 1, 1, 0.75}, {2.5, -1, 2.5, -3}, {});
  const Result counted = binary(kTargets, kScores, column(weights));
  CHECK(counted.loss == doctest::Approx(repeated.loss).epsilon(1e-13));
  CHECK(counted.gradient[0] == doctest::Approx(2 * repeated.gradient[0]).epsilon(1e-13));
  CHECK(counted.gradient[2] == 0);
}

TEST_CASE_TEMPLATE("weights of 1, and of any other power of 2, change no bit of the plain mean", T, float,
                   double) {
  for (const double value : {1.0, 0.125, 1024.0}) {
    const Tensor weights = column<T>(Values(4, value));
    CHECK(same(classes<T>(kLabels, kLogits, weights), classes<T>(kLabels, kLogits, {})));
    CHECK(same(binary<T>(kTargets, kScores, weights), binary<T>(kTargets, kScores, {})));
  }
}

TEST_CASE_TEMPLATE("weights that sum to 0 give a loss of 0 and no gradient", T, float, double) {
  for (const Values& values : {Values{0, 0, 0, 0}, Values{1, -1, 2, -2}}) {
    const Tensor weights = column<T>(values);
    CHECK(same(classes<T>(kLabels, kLogits, weights), {0, Values(12, 0.0)}));
    CHECK(same(binary<T>(kTargets, kScores, weights), {0, Values(4, 0.0)}));
  }
}

TEST_CASE("a weight that is not a number is not hidden") {
  const Tensor weights = column({1, std::numeric_limits<double>::quiet_NaN(), 1, 1});
  CHECK(std::isnan(classes(kLabels, kLogits, weights).loss));
  CHECK(std::isnan(binary(kTargets, kScores, weights).loss));
}

TEST_CASE("weights that do not fit are named with the loss") {
  const std::string wanted = " of f64 on cpu need 4 weights of their type and device, got ";
  CHECK_ERROR(ErrorKind::Usage, "cross_entropy: logits [4,3]" + wanted + "[3] of f64 on cpu",
              classes(kLabels, kLogits, column({1, 2, 3})));
  CHECK_ERROR(ErrorKind::Usage, "cross_entropy: logits [4,3]" + wanted + "[4] of f32 on cpu",
              classes(kLabels, kLogits, column<float>({1, 2, 3, 4})));
  CHECK_ERROR(ErrorKind::Usage, "binary_cross_entropy: logits [4,1]" + wanted + "[4,1] of f64 on cpu",
              binary(kTargets, kScores, column({1, 2, 3, 4}).reshape({4, 1})));
}
