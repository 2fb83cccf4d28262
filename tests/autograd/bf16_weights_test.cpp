// Weights stored in BF16 beside f32 values: the numbers are those of the widened weights, gradients are f32
// and agree with differences in float64, and no f32 copy of a weight outlives a call.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "autograd/functions.h"
#include "core/error.h"
#include "core/ledger.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

using Vars = std::vector<Variable>;
using Function = std::function<Variable(const Vars&)>;

// Numbers that BF16 holds exactly.
Tensor random(const Shape& shape, uint64_t seed) {
  Rng rng = Rng(seed).split(shape.text());
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& value : values) value = static_cast<float>(BFloat16(static_cast<float>(2 * rng.uniform() - 1)));
  return Tensor::from(values, shape);
}

// The inputs as leaves: those of `narrow` are stored in BF16, all others in `type`.
Vars leaves(const std::vector<Tensor>& inputs, const std::vector<size_t>& narrow, DType type) {
  Vars out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool in_bf16 = std::find(narrow.begin(), narrow.end(), i) != narrow.end();
    out.push_back(Variable::leaf(inputs[i].to(in_bf16 ? DType::BF16 : type, MemoryTag::Weights)));
  }
  return out;
}

Variable weighted(const Variable& value) {
  const Tensor weights = random(value.shape(), 77).to(value.dtype(), MemoryTag::Data);
  return sum(value * Variable(weights));
}

int64_t workspace() { return ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::Workspace)]; }

void check(const std::string& what, const Function& function, const std::vector<Tensor>& inputs,
           const std::vector<size_t>& narrow) {
  CAPTURE(what);
  const Vars stored = leaves(inputs, narrow, DType::F32), wide = leaves(inputs, {}, DType::F32);
  const int64_t before = workspace();
  const Variable value = function(stored), expected = function(wide);
  CHECK(workspace() == before);
  CHECK(value.dtype() == DType::F32);
  CHECK(value.value().to_vector<float>() == expected.value().to_vector<float>());
  weighted(value).backward();
  weighted(expected).backward();
  CHECK(workspace() == before);

  const NoGrad no_grad;
  const Vars exact = leaves(inputs, {}, DType::F64);
  for (size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    REQUIRE(stored[i].grad().dtype() == DType::F32);
    const std::vector<float> gradient = stored[i].grad().to_vector<float>();
    CHECK(gradient == wide[i].grad().to_vector<float>());
    const std::span<double> x = exact[i].value().span<double>();
    double worst = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      constexpr double kStep = 1e-6;
      const double at = x[j];
      x[j] = at + kStep;
      const double above = weighted(function(exact)).value().item();
      x[j] = at - kStep;
      const double below = weighted(function(exact)).value().item();
      x[j] = at;
      const double numeric = (above - below) / (2 * kStep);
      worst = std::max(worst, std::abs(gradient[j] - numeric) / (1 + std::abs(numeric)));
    }
    CHECK(worst < 1e-5);
  }
}

}  // namespace

TEST_CASE("linear takes a weight in BF16 and gives its gradient in f32") {
  const auto with_bias = [](const Vars& v) { return linear(v[0], v[1], v[2]); };
  check("[2,3,4] and a bias", with_bias, {random({2, 3, 4}, 1), random({5, 4}, 2), random({5}, 3)}, {1});
  check("one element", [](const Vars& v) { return linear(v[0], v[1], {}); },
        {random({1, 1}, 1), random({1, 1}, 2)}, {1});
  // A weight that is used twice adds up its gradients.
  check("twice", [](const Vars& v) { return linear(linear(v[0], v[1], {}), v[1], {}); },
        {random({3, 4}, 1), random({4, 4}, 2)}, {1});
}

TEST_CASE("matmul takes its second operand in BF16") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const auto product = [=](const Vars& v) { return matmul(v[0], v[1], {ta, tb}); };
      const std::string what = std::string(ta ? "a^T" : "a") + (tb ? " b^T" : " b");
      check(what, product,
            {random(ta ? Shape{4, 3} : Shape{3, 4}, 1), random(tb ? Shape{5, 4} : Shape{4, 5}, 2)}, {1});
      if (!ta)
        check(what + ", shared by a batch", product,
              {random({3, 2, 4}, 1), random(tb ? Shape{5, 4} : Shape{4, 5}, 2)}, {1});
    }
}

TEST_CASE("lstm takes matrices in BF16, all of them or some") {
  for (const bool both : {false, true}) {
    const LstmConfig config{3, 5, 2, both};
    const PackingPtr packing = Packing::of({4, 2, 1});
    std::vector<Tensor> inputs = {random({packing->total(), 3}, 1)};
    std::vector<size_t> matrices;
    for (int64_t cell = 0; cell < config.cells(); ++cell) {
      const int64_t gates = 4 * config.hidden;
      const Shape shapes[] = {
          {gates, config.input_of(cell / config.directions())}, {gates, config.hidden}, {gates}, {gates}};
      for (const Shape& shape : shapes) {
        if (shape.rank() == 2) matrices.push_back(inputs.size());
        inputs.push_back(random(shape, 10 + inputs.size()));
      }
    }
    const Function run = [&](const Vars& v) {
      const LstmResult result = lstm(v[0], packing, Vars(v.begin() + 1, v.end()), config);
      return concat(
          {reshape(result.y, {result.y.value().numel()}), reshape(result.h_n, {result.h_n.value().numel()}),
           reshape(result.c_n, {result.c_n.value().numel()})},
          0);
    };
    const std::string what = both ? "two directions" : "one direction";
    check(what, run, inputs, matrices);
    check(what + ", one matrix", run, inputs, {matrices[1]});
  }
}

TEST_CASE("embedding reads a table in BF16, with padding and absent ids, at odd widths") {
  const Tensor ids = Tensor::from(std::vector<int32_t>{0, 2, 2, 1, -1, 2}, {2, 3});
  for (const int64_t width : {1, 3, 4, 17}) {
    check("without padding", [&](const Vars& v) { return embedding(v[0], ids); }, {random({4, width}, 1)},
          {0});
    const Variable table = Variable::leaf(random({4, width}, 1).to(DType::BF16, MemoryTag::Weights));
    const Variable rows = embedding(table, ids, /*padding=*/2);
    CHECK(rows.dtype() == DType::F32);
    CHECK(rows.shape() == Shape{2, 3, width});
    sum(rows).backward();
    for (const int64_t row : {0, 1, 2, 3})
      CHECK(table.grad().slice_rows(row, row + 1).to_vector<float>() ==
            std::vector<float>(static_cast<size_t>(width), row < 2 ? 1.0f : 0.0f));
  }
  const Variable table(random({4, 3}, 1).to(DType::BF16, MemoryTag::Weights));
  CHECK_ERROR(ErrorKind::Data, "embedding: id 4 at position 0 is not in a table of 4 rows",
              embedding(table, Tensor::from(std::vector<int32_t>{4}, {1})));
}

TEST_CASE("a gradient flows through a change of layout to a leaf in BF16, and starts from one in f32") {
  const Variable leaf = Variable::leaf(random({2, 6}, 1).to(DType::BF16, MemoryTag::Weights));
  sum(linear(Variable(random({1, 4}, 2)), reshape(leaf, {3, 4}), {})).backward();
  CHECK(leaf.grad().dtype() == DType::F32);
  const std::vector<float> x = random({1, 4}, 2).to_vector<float>();
  for (size_t i = 0; i < 12; ++i) CHECK(leaf.grad().to_vector<float>()[i] == x[i % 4]);
  leaf.zero_grad();
  leaf.backward(Tensor::full({2, 6}, 3, DType::F32, Device::cpu(), MemoryTag::Data));
  CHECK(leaf.grad().to_vector<float>() == std::vector<float>(12, 3));
}

TEST_CASE("values in BF16, and weights in BF16 beside f64, are refused with both types") {
  const auto of = [](const Shape& shape, DType type) {
    return Variable(random(shape, 1).to(type, MemoryTag::Data));
  };
  using enum DType;
  CHECK_ERROR(ErrorKind::Usage, "linear: input is bf16, weight is f32",
              linear(of({2, 3}, BF16), of({4, 3}, F32), {}));
  CHECK_ERROR(ErrorKind::Usage, "linear: input is bf16, weight is bf16",
              linear(of({2, 3}, BF16), of({4, 3}, BF16), {}));
  CHECK_ERROR(ErrorKind::Usage, "linear: input is f64, weight is bf16",
              linear(of({2, 3}, F64), of({4, 3}, BF16), {}));
  CHECK_ERROR(ErrorKind::Usage, "linear: bias [4] of bf16 does not fit weight [4,3] and input of f32",
              linear(of({2, 3}, F32), of({4, 3}, BF16), of({4}, BF16)));
  CHECK_ERROR(ErrorKind::Usage, "matmul: operands are bf16 on cpu and f32 on cpu",
              matmul(of({2, 3}, BF16), of({3, 4}, F32)));
  CHECK_ERROR(ErrorKind::Usage, "matmul: operands are f64 on cpu and bf16 on cpu",
              matmul(of({2, 3}, F64), of({3, 4}, BF16)));
  CHECK_ERROR(ErrorKind::Usage, "bf16 on cpu and bf16 on cpu; they need one device and one type, f32 or f64",
              matmul(of({2, 3}, BF16), of({3, 4}, BF16)));
  const Vars weights = {of({4, 1}, BF16), of({4, 1}, BF16), of({4}, F32), of({4}, F32)};
  CHECK_ERROR(ErrorKind::Usage, "lstm: weight 0 of cell 0 is [4,1] of bf16, wanted [4,1] of f64",
              lstm(of({1, 1}, F64), Packing::of({1}), weights, {1, 1, 1, false}));
}
