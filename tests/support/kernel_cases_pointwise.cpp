#include <numbers>

#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

const Shape kShapes[] = {{}, {1}, {7}, {3, 1, 5}, {211, 257}};

struct UnaryReference {
  const char* name;
  double low, high;  // of the inputs
  double (*value)(double x);
  double (*slope)(double x);
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double normal_cdf(double x) { return (1 + std::erf(x / std::numbers::sqrt2)) / 2; }
double normal_pdf(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

const UnaryReference kUnary[] = {
    {"exp", -3, 3, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
    {"log", 0.1, 4, [](double x) { return std::log(x); }, [](double x) { return 1 / x; }},
    {"sqrt", 0.1, 4, [](double x) { return std::sqrt(x); }, [](double x) { return 1 / (2 * std::sqrt(x)); }},
    {"tanh", -3, 3, [](double x) { return std::tanh(x); },
     [](double x) { return 1 / (std::cosh(x) * std::cosh(x)); }},
    {"sigmoid", -6, 6, logistic, [](double x) { return logistic(x) * logistic(-x); }},
    {"relu", -2, 2, [](double x) { return std::max(x, 0.0); }, [](double x) { return x > 0 ? 1.0 : 0.0; }},
    {"gelu", -5, 5, [](double x) { return x * normal_cdf(x); },
     [](double x) { return normal_cdf(x) + x * normal_pdf(x); }},
};

struct BinaryReference {
  const char* name;
  double (*value)(double a, double b);
};

const BinaryReference kBinary[] = {
    {"add", [](double a, double b) { return a + b; }},
    {"sub", [](double a, double b) { return a - b; }},
    {"mul", [](double a, double b) { return a * b; }},
    {"div", [](double a, double b) { return a / b; }},
};

// Names, and what backward is given, in the order of the table's arrays.
template <class... Ops>
std::vector<std::pair<std::string, Saves>> unary_entries(std::type_identity<std::tuple<Ops...>>) {
  return {{Ops::kName, Ops::kSaves}...};
}
template <class... Ops>
std::vector<std::string> binary_entries(std::type_identity<std::tuple<Ops...>>) {
  return {Ops::kName...};
}

Values mapped(const Values& x, double (*function)(double)) {
  Values y;
  for (const double value : x) y.push_back(function(value));
  return y;
}

void add_unary(Cases& cases, const UnaryReference& op, size_t entry, Saves saves, const Shape& shape) {
  const std::string name = std::string("pointwise.") + op.name;
  const Values x = random_values(shape.numel(), op.low, op.high, 1);
  add_case(cases, name, shape.text(), [=](Stage& s) {
    const Tensor y = s.out(shape);
    s.kernels().pointwise.unary[entry](s.in(x, shape), y);
    s.expect("y", y, mapped(x, op.value));
  });
  add_case(cases, name + ".backward", shape.text(), [=](Stage& s) {
    const Values dy = random_values(shape.numel(), -1, 1, 2);
    Values expected = mapped(x, op.slope);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] *= dy[i];
    const Tensor dx = s.out(shape);
    const Tensor saved = s.in(saves == Saves::Input ? x : mapped(x, op.value), shape);
    s.kernels().pointwise.unary_backward[entry](saved, s.in(dy, shape), dx);
    s.expect("dx", dx, expected);
  });
}

// The element of a tensor of shape `from` that stands at element `at` of the broadcast shape.
size_t stretched(int64_t at, const Shape& broadcast, const Shape& from) {
  int64_t index = 0, step = 1;
  for (int axis = 1; axis <= broadcast.rank(); ++axis) {
    const int64_t coordinate = at % broadcast[-axis];
    at /= broadcast[-axis];
    if (axis > from.rank()) continue;
    if (from[-axis] > 1) index += coordinate * step;
    step *= from[-axis];
  }
  return static_cast<size_t>(index);
}

void add_binary(Cases& cases, const BinaryReference& op, size_t entry, const Shape& a, const Shape& b) {
  add_case(cases, std::string("pointwise.") + op.name, a.text() + " and " + b.text(), [=](Stage& s) {
    const Shape shape = broadcast(a, b, op.name);
    const Values x = random_values(a.numel(), -1, 1, 3), z = random_values(b.numel(), 0.5, 2, 4);
    Values expected;
    for (int64_t i = 0; i < shape.numel(); ++i)
      expected.push_back(op.value(x[stretched(i, shape, a)], z[stretched(i, shape, b)]));
    const Tensor y = s.out(shape);
    s.kernels().pointwise.binary[entry](s.in(x, a), s.in(z, b), y);
    s.expect("y", y, expected);
  });
}

}  // namespace

void add_pointwise_cases(Cases& cases) {
  const auto unary = unary_entries(std::type_identity<UnaryOps>{});
  for (size_t entry = 0; entry < unary.size(); ++entry)
    for (const UnaryReference& op : kUnary)
      if (unary[entry].first == op.name)
        for (const Shape& shape : kShapes) add_unary(cases, op, entry, unary[entry].second, shape);

  const std::pair<Shape, Shape> pairs[] = {{{}, {}},
                                           {{1}, {1, 1, 1}},
                                           {{3, 5}, {5}},
                                           {{3, 5}, {3, 1}},
                                           {{}, {2, 3}},
                                           {{4, 1, 3}, {2, 1}},
                                           {{211, 257}, {211, 257}},
                                           {{211, 257}, {257}},
                                           {{1, 257}, {211, 1}},
                                           {{2, 3, 1, 2, 1, 5}, {3, 4, 1, 3, 1}}};
  const auto binary = binary_entries(std::type_identity<BinaryOps>{});
  for (size_t entry = 0; entry < binary.size(); ++entry)
    for (const BinaryReference& op : kBinary)
      if (binary[entry] == op.name)
        for (const auto& [a, b] : pairs) add_binary(cases, op, entry, a, b);

  for (const Shape& shape : kShapes) {
    const Values x = random_values(shape.numel(), -1, 1, 5), y = random_values(shape.numel(), -1, 1, 6);
    add_case(cases, "pointwise.affine", shape.text(), [=](Stage& s) {
      Values expected;
      for (const double value : x) expected.push_back(-2.5 * value + 0.75);
      const Tensor to = s.out(shape);
      s.kernels().pointwise.affine(s.in(x, shape), -2.5, 0.75, to);
      s.expect("y", to, expected);
    });
    add_case(cases, "pointwise.accumulate", shape.text(), [=](Stage& s) {
      Values expected;
      for (size_t i = 0; i < x.size(); ++i) expected.push_back(y[i] + x[i]);
      const Tensor to = s.in(y, shape);
      s.kernels().pointwise.accumulate(s.in(x, shape), to);
      s.expect("y", to, expected);
    });
  }
}

}  // namespace octet::testing
