#include "nn/layers.h"

#include <cmath>

#include "core/error.h"
#include "tests/nn/random.h"
#include "tests/support/support.h"

using namespace octet;
using octet::testing::kInit;
using octet::testing::largest_difference;
using octet::testing::random;
using octet::testing::values_of;

TEST_CASE("Linear is x weight^T + bias, over any leading axes, with a bias or without") {
  for (const bool with_bias : {true, false}) {
    const Linear layer(4, 3, kInit, with_bias);
    CHECK(layer.parameters().size() == (with_bias ? 2 : 1));
    const std::vector<double> w = values_of(layer.parameters()[0].variable),
                              b = with_bias ? values_of(layer.parameters()[1].variable)
                                            : std::vector<double>(3);
    for (const Shape& shape : {Shape{1, 4}, Shape{5, 4}, Shape{2, 3, 4}}) {
      const Tensor x = random(shape);
      const Variable y = layer.forward(Variable(x));
      CHECK(y.size(-1) == 3);
      CHECK(y.shape().rank() == shape.rank());
      std::vector<double> expected;
      const std::vector<double> values = x.to_vector<double>();
      for (size_t row = 0; row < values.size() / 4; ++row)
        for (size_t out = 0; out < 3; ++out) {
          double sum = b[out];
          for (size_t in = 0; in < 4; ++in) sum += w[out * 4 + in] * values[row * 4 + in];
          expected.push_back(sum);
        }
      CHECK(largest_difference(values_of(y), expected) < 1e-14);
    }
  }
}

TEST_CASE("LayerNorm normalises the last axis, scales and shifts") {
  const LayerNorm layer(5, kInit, 1e-3);
  const Tensor gain = random({5}, 1), bias = random({5}, 2), x = random({2, 3, 5});
  TensorFile weights;
  weights.add("weight", gain);
  weights.add("bias", bias);
  layer.load(weights, "test");
  const std::vector<double> v = x.to_vector<double>(), g = gain.to_vector<double>(),
                            b = bias.to_vector<double>();
  std::vector<double> expected;
  for (size_t row = 0; row < 6; ++row) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < 5; ++i) mean += v[row * 5 + i] / 5;
    for (size_t i = 0; i < 5; ++i) variance += (v[row * 5 + i] - mean) * (v[row * 5 + i] - mean) / 5;
    for (size_t i = 0; i < 5; ++i)
      expected.push_back((v[row * 5 + i] - mean) / std::sqrt(variance + 1e-3) * g[i] + b[i]);
  }
  CHECK(largest_difference(values_of(layer.forward(Variable(x))), expected) < 1e-13);
}

TEST_CASE("Embedding looks rows up, for ids of any shape") {
  const Embedding layer(6, 2, kInit);
  const std::vector<double> table = values_of(layer.parameters()[0].variable);
  const Variable y = layer.forward(Tensor::from(std::vector<int32_t>{5, 0, 0, -1}, {2, 2}));
  CHECK(y.shape() == Shape{2, 2, 2});
  CHECK(values_of(y) ==
        std::vector<double>{table[10], table[11], table[0], table[1], table[0], table[1], 0, 0});
  CHECK_ERROR(ErrorKind::Data, "id 6 at position 0",
              layer.forward(Tensor::from(std::vector<int32_t>{6}, {1})));
}

TEST_CASE("the padding row of an Embedding is zero and gets no gradient") {
  const Embedding layer(4, 3, kInit, 1);
  const Variable table = layer.parameters()[0].variable;
  const std::vector<double> before = values_of(table);
  for (size_t i = 0; i < 12; ++i) CHECK((before[i] == 0) == (i / 3 == 1));
  sum(layer.forward(Tensor::from(std::vector<int32_t>{1, 0, 1, 3, 0}, {5}))).backward();
  CHECK(table.grad().to_vector<double>() == std::vector<double>{2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  CHECK_ERROR(ErrorKind::Usage, "padding row 4 is not in 0..3", Embedding(4, 3, kInit, 4));
  CHECK_ERROR(ErrorKind::Usage, "padding row -2", Embedding(4, 3, kInit, -2));
}

TEST_CASE("Dropout drops its share and scales what stays by 1 / (1 - p)") {
  const int64_t count = 200001;
  const Variable x(Tensor::full({count}, 1, DType::F64, Device::cpu(), MemoryTag::Data));
  for (const double p : {0.0, 0.1, 0.2, 0.5, 0.9}) {
    CAPTURE(p);
    Rng masks(3);
    double dropped = 0, others = 0;
    for (const double value : values_of(Dropout(p).forward(x, &masks))) {
      dropped += value == 0;
      others += value != 0 && std::abs(value - 1 / (1 - p)) > 1e-12;
    }
    const double n = static_cast<double>(count);
    CHECK(others == 0);
    CHECK(std::abs(dropped / n - p) <= 5 * std::sqrt(p * (1 - p) / n));
  }
}

TEST_CASE("Dropout without a stream changes nothing, and the same stream gives the same mask") {
  const Dropout layer(0.5);
  const Variable x(random({31, 7}));
  CHECK(layer.forward(x, nullptr).value().shares_bytes_with(x.value()));
  Rng a(4), b(4), other(5);
  const std::vector<double> first = values_of(layer.forward(x, &a));
  CHECK(values_of(layer.forward(x, &b)) == first);
  CHECK(a == b);
  CHECK(a.position() == (31 * 7 + 3) / 4);  // the stream moved on by what was drawn
  CHECK(values_of(layer.forward(x, &a)) != first);
  CHECK(values_of(layer.forward(x, &other)) != first);
  // A stream put back where it was, as a resumed run does, repeats the second mask.
  Rng restored(b.key(), b.position());
  CHECK(values_of(layer.forward(x, &b)) == values_of(layer.forward(x, &restored)));
}

TEST_CASE("the gradient of Dropout goes through what stayed, with the same scale") {
  const Variable x = Variable::leaf(random({500}));
  Rng masks(9);
  const Variable y = Dropout(0.25).forward(x, &masks);
  sum(y).backward();
  const std::vector<double> out = values_of(y), gradient = x.grad().to_vector<double>();
  for (size_t i = 0; i < out.size(); ++i) CHECK(gradient[i] == (out[i] == 0 ? 0 : 1 / 0.75));
}

TEST_CASE("probabilities and sizes out of range are errors with their values") {
  CHECK_ERROR(ErrorKind::Usage, "Dropout: probability 1 is not in [0, 1)", Dropout(1));
  CHECK_ERROR(ErrorKind::Usage, "-0.1", Dropout(-0.1));
  CHECK_ERROR(ErrorKind::Usage, "nan", Dropout(std::nan("")));
  CHECK_ERROR(ErrorKind::Usage, "dropout 1.5", LSTM({2, 3, 1, false}, 1.5, kInit));
  CHECK_ERROR(ErrorKind::Usage, "hidden 0", LSTM({2, 0, 1, false}, 0, kInit));
  CHECK_ERROR(ErrorKind::Usage, "layers -1", LSTM({2, 3, -1, false}, 0, kInit));
  CHECK_ERROR(ErrorKind::Usage, "[2,3]", Linear(4, 3, kInit).forward(Variable(random({2, 3}))));
}
