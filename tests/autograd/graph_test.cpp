#include "autograd/graph.h"

#include "autograd/functions.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

Variable leaf(std::vector<double> values) {
  const auto n = static_cast<int64_t>(values.size());
  return Variable::leaf(Tensor::from(values, {n}));
}

int64_t live(MemoryTag tag) { return ledger(Device::cpu()).use().live[static_cast<size_t>(tag)]; }

}  // namespace

TEST_CASE("gradients add up over backward passes until zero_grad") {
  const Variable x = leaf({2, 3});
  sum(x * x).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{4, 6});
  sum(x * x).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{8, 12});
  x.zero_grad();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 0});
  x.zero_grad();
  sum(x).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{1, 1});
}

TEST_CASE("a gradient's bytes stay where they are from step to step") {
  const Variable w = Variable::leaf(Tensor::full({4, 4}, 0.5, DType::F32, Device::cpu(), MemoryTag::Weights));
  const Variable x(Tensor::full({2, 4}, 1, DType::F32, Device::cpu(), MemoryTag::Data));
  sum(linear(x, w, {})).backward();
  const void* before = w.grad().raw();
  w.zero_grad();
  sum(linear(x, w, {})).backward();
  CHECK(w.grad().raw() == before);
  CHECK(w.grad().to_vector<float>() == std::vector<float>(16, 2.0f));
}

TEST_CASE("a leaf used twice gets both gradients") {
  const Variable w = leaf({1, 2, 3, 4});
  const Variable m = reshape(w, {2, 2});
  sum(matmul(m, m) + m).backward();
  CHECK(w.grad().to_vector<double>() == std::vector<double>{3 + 4 + 1, 7 + 4 + 1, 3 + 6 + 1, 7 + 6 + 1});
  const Variable v = Variable::leaf(Tensor::full({2, 2}, 2, DType::F64, Device::cpu(), MemoryTag::Weights));
  sum(matmul(v, v)).backward();
  CHECK(v.grad().to_vector<double>() == std::vector<double>(4, 8.0));
}

TEST_CASE("a second backward through a freed graph is an error that says so") {
  const Variable x = leaf({1});
  const Variable y = exp(x);
  const Variable loss = sum(y * y);
  loss.backward();
  CHECK_ERROR(ErrorKind::Usage, "freed", loss.backward());
  CHECK_ERROR(ErrorKind::Usage, "freed", sum(y).backward());
}

TEST_CASE("misuse of backward is named") {
  CHECK_ERROR(ErrorKind::Usage, "[2]", exp(leaf({1, 2})).backward());
  CHECK_ERROR(ErrorKind::Usage, "requires a gradient",
              sum(Variable(Tensor::from(std::vector<double>{1.0}, {1}))).backward());
  CHECK_ERROR(ErrorKind::Usage, "only a leaf", exp(leaf({1})).grad());
}

TEST_CASE("no graph is built without gradients or through detach") {
  const Variable x = leaf({1, 2});
  {
    const NoGrad no_grad;
    CHECK_FALSE(exp(x).requires_grad());
  }
  CHECK(exp(x).requires_grad());
  CHECK_FALSE(exp(x.detach()).requires_grad());
  sum(x * exp(x).detach()).backward();
  CHECK(x.grad().to_vector<double>()[0] == doctest::Approx(std::exp(1.0)));
}

TEST_CASE("backward frees what the graph kept as it goes") {
  const Variable x = Variable::leaf(Tensor::full({1000}, 0.1, DType::F64, Device::cpu(), MemoryTag::Weights));
  const int64_t before = live(MemoryTag::Activations);
  Variable y = x;
  for (int i = 0; i < 10; ++i) y = exp(y * y);
  const Variable loss = sum(y);
  y = {};
  const int64_t built = live(MemoryTag::Activations) - before;
  CHECK(built > 10 * 8000);
  ledger(Device::cpu()).reset_peaks();
  loss.backward();
  const MemoryUse use = ledger(Device::cpu()).use();
  CHECK(use.live[static_cast<size_t>(MemoryTag::Activations)] - before < 1000);
  CHECK(use.peak[static_cast<size_t>(MemoryTag::Activations)] - before < built + 4 * 8064);
}

TEST_CASE("a chain of a hundred thousand operations is walked and freed without recursion") {
  const Variable x = leaf({1});
  Variable y = x;
  for (int i = 0; i < 100000; ++i) y = affine(y, 1, 1e-5);
  Variable dropped = y;
  for (int i = 0; i < 100000; ++i) dropped = affine(dropped, 1, 1);
  dropped = {};
  y.backward();
  CHECK(x.grad().item() == 1);
}

TEST_CASE("shapes that do not fit are named with the operation") {
  const Variable a = leaf({1, 2}), b = leaf({1, 2, 3});
  CHECK_ERROR(ErrorKind::Usage, "add: shapes do not broadcast, [2] and [3]", a + b);
  const Variable m = reshape(leaf({1, 2, 3, 4, 5, 6}), {2, 3});
  CHECK_ERROR(ErrorKind::Usage, "matmul: inner sizes differ, [2,3] x [2,3]", matmul(m, m));
  CHECK_ERROR(ErrorKind::Usage, "reshape: [2,3] has 6", reshape(m, {4}));
  CHECK_ERROR(ErrorKind::Usage, "slice: [1,4)", slice(m, 0, 1, 4));
  CHECK_ERROR(ErrorKind::Data, "id 7", embedding(m, Tensor::from(std::vector<int32_t>{7}, {1})));
  CHECK_ERROR(ErrorKind::Data, "label 3", cross_entropy(m, Tensor::from(std::vector<int32_t>{0, 3}, {2})));
}
