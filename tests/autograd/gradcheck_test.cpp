// Every operation against central differences in float64, at awkward shapes: size 1, odd sizes, broadcasts.

#include "autograd/gradcheck.h"

#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"
#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

using Vars = std::vector<Variable>;

Tensor random(const Shape& shape, double low = -1, double high = 1, uint64_t seed = 1) {
  Rng rng = Rng(seed).split(shape.text());
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = low + (high - low) * rng.uniform();
  return Tensor::from(values, shape);
}

std::string check(const std::function<Variable(const Vars&)>& function, const std::vector<Tensor>& inputs) {
  return gradcheck(function, inputs);
}

Tensor ids(std::vector<int32_t> values, const Shape& shape) { return Tensor::from(values, shape); }

}  // namespace

TEST_CASE("unary operations pass the gradient check") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 5}, Shape{2, 1, 7}}) {
    CAPTURE(shape.text());
    CHECK(check([](const Vars& v) { return exp(v[0]); }, {random(shape)}) == "");
    CHECK(check([](const Vars& v) { return log(v[0]); }, {random(shape, 0.2, 3)}) == "");
    CHECK(check([](const Vars& v) { return sqrt(v[0]); }, {random(shape, 0.2, 3)}) == "");
    CHECK(check([](const Vars& v) { return tanh(v[0]); }, {random(shape, -3, 3)}) == "");
    CHECK(check([](const Vars& v) { return sigmoid(v[0]); }, {random(shape, -5, 5)}) == "");
    CHECK(check([](const Vars& v) { return relu(v[0]); }, {random(shape)}) == "");
    CHECK(check([](const Vars& v) { return gelu(v[0]); }, {random(shape, -4, 4)}) == "");
    CHECK(check([](const Vars& v) { return affine(v[0], -2.5, 0.5); }, {random(shape)}) == "");
  }
}

TEST_CASE("binary operations pass the gradient check with every kind of broadcast") {
  const std::pair<Shape, Shape> pairs[] = {{{3, 5}, {3, 5}},    {{3, 5}, {5}}, {{3, 5}, {3, 1}},
                                           {{4, 1, 3}, {2, 1}}, {{}, {2, 3}},  {{1}, {1, 1, 1}}};
  for (const auto& [a, b] : pairs) {
    CAPTURE(a.text() + " and " + b.text());
    const std::vector<Tensor> inputs = {random(a), random(b, 0.5, 2, 2)};
    CHECK(check([](const Vars& v) { return v[0] + v[1]; }, inputs) == "");
    CHECK(check([](const Vars& v) { return v[0] - v[1]; }, inputs) == "");
    CHECK(check([](const Vars& v) { return v[0] * v[1]; }, inputs) == "");
    CHECK(check([](const Vars& v) { return v[0] / v[1]; }, inputs) == "");
    CHECK(check([](const Vars& v) { return v[1] - v[0] * v[1]; }, inputs) == "");
  }
  CHECK(check([](const Vars& v) { return v[0] * v[0] + v[0]; }, {random({3})}) == "");
}

TEST_CASE("matrix products pass the gradient check, batched and transposed") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      CAPTURE(ta);
      CAPTURE(tb);
      const auto product = [=](const Vars& v) { return matmul(v[0], v[1], {ta, tb}); };
      CHECK(check(product,
                  {random(ta ? Shape{4, 3} : Shape{3, 4}), random(tb ? Shape{5, 4} : Shape{4, 5})}) == "");
      CHECK(check(product, {random(ta ? Shape{2, 1, 3} : Shape{2, 3, 1}),
                            random(tb ? Shape{2, 5, 1} : Shape{2, 1, 5})}) == "");
      CHECK(check(product, {random(ta ? Shape{2, 2, 3, 1} : Shape{2, 2, 1, 3}),
                            random(tb ? Shape{2, 2, 2, 3} : Shape{2, 2, 3, 2})}) == "");
      if (!ta) CHECK(check(product, {random({3, 2, 4}), random(tb ? Shape{5, 4} : Shape{4, 5})}) == "");
    }
  CHECK(check([](const Vars& v) { return matmul(v[0], v[0]); }, {random({3, 3})}) == "");
  CHECK(check([](const Vars& v) { return linear(v[0], v[1], v[2]); },
              {random({2, 3, 4}), random({5, 4}), random({5})}) == "");
  CHECK(check([](const Vars& v) { return linear(v[0], v[1], {}); }, {random({1, 1}), random({1, 1})}) == "");
}

TEST_CASE("sums and means over any axes pass the gradient check") {
  const std::vector<std::vector<int>> choices = {{}, {0}, {1}, {-1}, {0, 2}, {1, 0}, {0, 1, 2}};
  for (const auto& axes : choices)
    for (const bool keep : {false, true}) {
      CHECK(check([&](const Vars& v) { return sum(v[0], axes, keep); }, {random({3, 1, 5})}) == "");
      CHECK(check([&](const Vars& v) { return mean(v[0], axes, keep); }, {random({3, 4, 5})}) == "");
    }
}

TEST_CASE("softmax, log-softmax and layer norm pass the gradient check") {
  for (const Shape& shape : {Shape{1}, Shape{1, 1}, Shape{3, 7}, Shape{2, 3, 5}}) {
    CAPTURE(shape.text());
    CHECK(check([](const Vars& v) { return softmax(v[0]); }, {random(shape, -3, 3)}) == "");
    CHECK(check([](const Vars& v) { return log_softmax(v[0]); }, {random(shape, -3, 3)}) == "");
    const Shape cols = {shape[-1]};
    CHECK(check([](const Vars& v) { return layer_norm(v[0], v[1], v[2], 1e-2); },
                {random(shape), random(cols, 0.5, 2), random(cols)}) == "");
  }
}

TEST_CASE("losses pass the gradient check") {
  CHECK(check(
            [](const Vars& v) {
              return cross_entropy(v[0], ids({2, 0, 1, 1}, {4}));
            },
            {random({4, 3}, -2, 2)}) == "");
  CHECK(check([](const Vars& v) { return cross_entropy(v[0], ids({0}, {1})); }, {random({1, 1})}) == "");
  const Tensor targets = Tensor::from(std::vector<double>{0, 1, 0.25}, {3, 1});
  CHECK(check([&](const Vars& v) { return binary_cross_entropy(v[0], targets); }, {random({3, 1}, -4, 4)}) ==
        "");
}

TEST_CASE("losses with weights pass the gradient check, also where rows or all of them count nothing") {
  const Tensor labels = ids({2, 0, 1, 1}, {4}), targets = random({4, 1}, 0, 1);
  for (const std::vector<double>& values : {std::vector<double>{0.5, 3, 0, 1.25}, {0, 0, 0, 0}}) {
    const Tensor weights = Tensor::from(values, {4});
    CHECK(check([&](const Vars& v) { return cross_entropy(v[0], labels, weights); },
                {random({4, 3}, -2, 2)}) == "");
    CHECK(check([&](const Vars& v) { return binary_cross_entropy(v[0], targets, weights); },
                {random({4, 1}, -4, 4)}) == "");
  }
  const Tensor one = Tensor::from(std::vector<double>{0.3}, {1});
  CHECK(check([&](const Vars& v) { return cross_entropy(v[0], ids({1}, {1}), one); }, {random({1, 2})}) ==
        "");
  CHECK(check([&](const Vars& v) { return binary_cross_entropy(v[0], one, one); }, {random({1})}) == "");
}

TEST_CASE("embedding passes the gradient check with repeated, padding and absent ids") {
  const Tensor some = ids({0, 2, 2, 1, -1, 2}, {2, 3});
  CHECK(check([&](const Vars& v) { return embedding(v[0], some); }, {random({4, 3})}) == "");
  const Variable table = Variable::leaf(random({4, 3}));
  sum(embedding(table, some, /*padding=*/2)).backward();
  const std::vector<double> g = table.grad().to_vector<double>();
  for (int i = 0; i < 3; ++i) {
    CHECK(g[static_cast<size_t>(2 * 3 + i)] == 0);
    CHECK(g[static_cast<size_t>(0 * 3 + i)] == 1);
  }
}

TEST_CASE("dropout and changes of layout pass the gradient check") {
  CHECK(check(
            [](const Vars& v) {
              Rng rng(4);
              return dropout(v[0], 0.4, rng);
            },
            {random({5, 7})}) == "");
  CHECK(check([](const Vars& v) { return reshape(v[0], {5, 6}); }, {random({3, 10})}) == "");
  CHECK(check([](const Vars& v) { return permute(v[0], {2, 0, 1}); }, {random({2, 3, 5})}) == "");
  CHECK(check([](const Vars& v) { return transpose(v[0]); }, {random({1, 4})}) == "");
  CHECK(check([](const Vars& v) { return slice(v[0], 1, 1, 3); }, {random({2, 4, 3})}) == "");
  CHECK(check([](const Vars& v) { return slice(v[0], -1, 0, 1); }, {random({3, 3})}) == "");
  for (const int axis : {0, 1, -1})
    CHECK(check(
              [=](const Vars& v) {
                return concat({v[0], v[1], v[0]}, axis);
              },
              {random({2, 2, 3}), random({2, 2, 3}, 0, 1, 9)}) == "");
  CHECK(check([](const Vars& v) { return concat({v[0], v[1]}, 1); }, {random({2, 1}), random({2, 4})}) == "");
  const PackingPtr packing = Packing::of({4, 2, 1});
  CHECK(check([&](const Vars& v) { return pack(v[0], packing); }, {random({3, 5, 2})}) == "");
  CHECK(check([&](const Vars& v) { return unpack(v[0], packing, 6); }, {random({7, 2})}) == "");
  CHECK(check([&](const Vars& v) { return mean_over_time(v[0], packing); }, {random({7, 2})}) == "");
  CHECK(check([&](const Vars& v) { return mean_over_time(v[0], Packing::of({1})); }, {random({1, 1})}) == "");
}

TEST_CASE("a mean over time is that of each sequence's own steps") {
  // Steps of [4, 2, 1]: rows 0 1 2, then 3 4, then 5, then 6.
  const std::vector<double> x = {1, 10, 100, 2, 20, 4, 9};
  const Variable y = mean_over_time(Variable(Tensor::from(x, {7, 1})), Packing::of({4, 2, 1}));
  CHECK(y.shape() == Shape{3, 1});
  CHECK(y.value().to_vector<double>() == std::vector<double>{4, 15, 100});
  CHECK_ERROR(ErrorKind::Usage, "mean_over_time: [7,1] (total, n) does not fit 3 packed rows",
              mean_over_time(Variable(Tensor::from(x, {7, 1})), Packing::of({2, 1})));
}

namespace {

// Wrong on purpose: exp with the sign of its gradient turned, and a product that forgets one of its two
// terms.
struct WrongSign {
  Tensor y;
  Tensor forward(const Tensor& x) {
    y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).pointwise.unary[IndexIn<Exp, UnaryOps>::value](x, y);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted&) const {
    Tensor dx = Tensor::like(y, MemoryTag::Activations);
    kernels(y).pointwise.unary_backward[IndexIn<Exp, UnaryOps>::value](y, dy, dx);
    kernels(y).pointwise.affine(dx, -1, 0, dx);
    return dx;
  }
};

struct MissingTerm {  // x^2, differentiated as if one factor were constant
  Tensor x;
  Tensor forward(const Tensor& input) {
    x = input;
    Tensor y = Tensor::like(x, MemoryTag::Activations);
    kernels(x).pointwise.binary[IndexIn<Mul, BinaryOps>::value](x, x, y);
    return y;
  }
  Tensor backward(const Tensor& dy, const Wanted&) const {
    Tensor dx = Tensor::like(x, MemoryTag::Activations);
    kernels(x).pointwise.binary[IndexIn<Mul, BinaryOps>::value](dy, x, dx);
    return dx;
  }
};

}  // namespace

TEST_CASE("the gradient check catches a wrong sign and a missing term and names the element") {
  const std::string sign = check([](const Vars& v) { return record(WrongSign{}, v[0]); }, {random({3})});
  CHECK(sign.find("input 0 [3]") != std::string::npos);
  const std::string missing = check([](const Vars& v) { return v[0] * record(MissingTerm{}, v[1]); },
                                    {random({3}), random({3}, 0.5, 1, 5)});
  CHECK(missing.find("input 1 [3]") != std::string::npos);
}
