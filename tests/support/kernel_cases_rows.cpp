#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

struct Operands {
  const char* what;
  Shape shape;  // [rows, cols]
  double low, high;
};
// The inputs around 10000 differ by little: what sets them apart must not be lost.
const Operands kOperands[] = {{"", {1, 1}, -3, 3},
                              {"", {3, 7}, -3, 3},
                              {" around 10000", {5, 9}, 9997, 10003},
                              {" far apart", {5, 9}, -400, 400},
                              {"", {301, 129}, -3, 3}};

// Of one row, with the largest taken out.
Values softmax_of(const Values& x, size_t begin, size_t cols, bool log) {
  double top = x[begin], sum = 0;
  for (size_t i = 0; i < cols; ++i) top = std::max(top, x[begin + i]);
  for (size_t i = 0; i < cols; ++i) sum += std::exp(x[begin + i] - top);
  Values y;
  for (size_t i = 0; i < cols; ++i) {
    const double log_y = x[begin + i] - top - std::log(sum);
    y.push_back(log ? log_y : std::exp(log_y));
  }
  return y;
}

void add_softmax(Cases& cases, const Operands& o, bool log) {
  const auto rows = static_cast<size_t>(o.shape[0]), cols = static_cast<size_t>(o.shape[1]);
  const Values x = random_values(o.shape.numel(), o.low, o.high, 1);
  Values y;
  for (size_t row = 0; row < rows; ++row) {
    const Values part = softmax_of(x, row * cols, cols, log);
    y.insert(y.end(), part.begin(), part.end());
  }
  const std::string what = o.shape.text() + o.what;
  add_case(cases, log ? "softmax.log_forward" : "softmax.forward", what, [=](Stage& s) {
    const Tensor to = s.out(o.shape);
    const SoftmaxKernels& k = s.kernels().softmax;
    (log ? k.log_forward : k.forward)(s.in(x, o.shape), to);
    s.expect("y", to, y);
  });
  add_case(cases, log ? "softmax.log_backward" : "softmax.backward", what, [=](Stage& s) {
    const Values dy = random_values(o.shape.numel(), -1, 1, 2);
    Values expected;
    for (size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (size_t i = row * cols; i < (row + 1) * cols; ++i) sum += log ? dy[i] : dy[i] * y[i];
      for (size_t i = row * cols; i < (row + 1) * cols; ++i)
        expected.push_back(log ? dy[i] - std::exp(y[i]) * sum : y[i] * (dy[i] - sum));
    }
    const Tensor dx = s.out(o.shape);
    const SoftmaxKernels& k = s.kernels().softmax;
    (log ? k.log_backward : k.backward)(s.in(y, o.shape), s.in(dy, o.shape), dx);
    s.expect("dx", dx, expected);
  });
}

// y = n gain + bias with n = (x - mean) / sqrt(variance + eps); the derivatives by the chain rule through
// mean and variance, which are kept apart here.
struct LayerNormReference {
  Values y, mean, inverse_std, dx, dgain, dbias;

  LayerNormReference(const Values& x, const Values& gain, const Values& bias, const Values& dy, double eps) {
    const size_t cols = gain.size(), rows = x.size() / cols;
    const auto count = static_cast<double>(cols);
    dgain.assign(cols, 0);
    dbias.assign(cols, 0);
    for (size_t row = 0; row < rows; ++row) {
      const double *a = &x[row * cols], *d = &dy[row * cols];
      double mu = 0, variance = 0;
      for (size_t i = 0; i < cols; ++i) mu += a[i] / count;
      for (size_t i = 0; i < cols; ++i) variance += (a[i] - mu) * (a[i] - mu) / count;
      const double r = 1 / std::sqrt(variance + eps);
      mean.push_back(mu);
      inverse_std.push_back(r);
      double dmu = 0, dvariance = 0;
      for (size_t i = 0; i < cols; ++i) {
        y.push_back((a[i] - mu) * r * gain[i] + bias[i]);
        dgain[i] += d[i] * (a[i] - mu) * r;
        dbias[i] += d[i];
        dmu -= d[i] * gain[i] * r;
        dvariance -= d[i] * gain[i] * (a[i] - mu) * r * r * r / 2;
      }
      for (size_t i = 0; i < cols; ++i)
        dx.push_back(d[i] * gain[i] * r + dmu / count + dvariance * 2 * (a[i] - mu) / count);
    }
  }
};

void add_layer_norm(Cases& cases, const Shape& shape, double low, double high) {
  const double eps = 1e-3;
  const Shape rows = {shape[0]}, cols = {shape[1]};
  const Values x = random_values(shape.numel(), low, high, 3), gain = random_values(shape[1], 0.5, 2, 4),
               bias = random_values(shape[1], -1, 1, 5), dy = random_values(shape.numel(), -1, 1, 6);
  const LayerNormReference expected(x, gain, bias, dy, eps);
  add_case(cases, "layer_norm.forward", shape.text(), [=](Stage& s) {
    const Tensor y = s.out(shape), mean = s.out(rows), inverse_std = s.out(rows);
    s.kernels().layer_norm.forward(s.in(x, shape), s.in(gain, cols), s.in(bias, cols), eps, y, mean,
                                   inverse_std);
    s.expect("y", y, expected.y);
    s.expect("mean", mean, expected.mean);
    s.expect("inverse_std", inverse_std, expected.inverse_std);
  });
  add_case(cases, "layer_norm.backward", shape.text(), [=](Stage& s) {
    const Tensor dx = s.out(shape), dgain = s.out(cols), dbias = s.out(cols);
    s.kernels().layer_norm.backward(s.in(x, shape), s.in(gain, cols), s.in(expected.mean, rows),
                                    s.in(expected.inverse_std, rows), s.in(dy, shape), dx, dgain, dbias);
    s.expect("dx", dx, expected.dx);
    s.expect("dgain", dgain, expected.dgain);
    s.expect("dbias", dbias, expected.dbias);
  });
}

}  // namespace

void add_row_cases(Cases& cases) {
  for (const Operands& operands : kOperands)
    for (const bool log : {false, true}) add_softmax(cases, operands, log);
  add_layer_norm(cases, {1, 1}, -1, 1);
  add_layer_norm(cases, {3, 7}, -1, 1);
  add_layer_norm(cases, {4, 9}, 3, 5);
  add_layer_norm(cases, {301, 129}, -2, 3);
}

}  // namespace octet::testing
