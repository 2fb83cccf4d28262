// Every layer's parameters and inputs against central differences in float64.

#include <cmath>
#include <functional>

#include "autograd/gradcheck.h"
#include "core/error.h"
#include "nn/models/bag_classifier.h"
#include "nn/models/lstm_classifier.h"
#include "tests/nn/random.h"
#include "tests/support/support.h"

using namespace octet;
using octet::testing::kInit;
using octet::testing::random;

namespace {

// Gradients of sum(weights * forward(x)) by the layer's own parameters, against differences made by changing
// the parameters where they are. Returns the name of the first that differs, or nothing.
std::string parameter_fault(const Module& module, const std::function<Variable()>& forward) {
  const auto loss = [&] {
    const Variable y = forward();
    return sum(y * Variable(random(y.shape(), 99)));
  };
  module.zero_grad();
  loss().backward();
  for (const NamedParameter& parameter : module.parameters()) {
    const std::vector<double> gradient = parameter.variable.grad().to_vector<double>();
    const std::span<double> value = parameter.variable.value().span<double>();
    for (size_t i = 0; i < value.size(); ++i) {
      const NoGrad no_grad;
      const double before = value[i], eps = 1e-6;
      value[i] = before + eps;
      const double above = loss().value().item();
      value[i] = before - eps;
      const double below = loss().value().item();
      value[i] = before;
      const double numeric = (above - below) / (2 * eps);
      if (!(std::abs(gradient[i] - numeric) <= 1e-5 + 1e-3 * std::abs(numeric)))
        return parameter.name + " element " + std::to_string(i) + ": " + std::to_string(gradient[i]) +
               ", by differences " + std::to_string(numeric);
    }
  }
  return "";
}

using Vars = std::vector<Variable>;

}  // namespace

TEST_CASE("Linear, Embedding and LayerNorm pass the gradient check in parameters and input") {
  const Linear linear(4, 3, kInit);
  const Tensor x = random({2, 5, 4});
  CHECK(parameter_fault(linear, [&] { return linear.forward(Variable(x)); }) == "");
  CHECK(gradcheck([&](const Vars& v) { return linear.forward(v[0]); }, {x}) == "");

  const Embedding embedding(5, 3, kInit, 2);
  const Tensor ids = Tensor::from(std::vector<int32_t>{4, 0, -1, 4, 1}, {5});
  CHECK(parameter_fault(embedding, [&] { return embedding.forward(ids); }) == "");

  const LayerNorm norm(4, kInit, 1e-2);
  CHECK(parameter_fault(norm, [&] { return norm.forward(Variable(x)); }) == "");
  CHECK(gradcheck([&](const Vars& v) { return norm.forward(v[0]); }, {x}) == "");
}

TEST_CASE("StableEmbedding passes the gradient check, with and without a padding row") {
  const Tensor ids = Tensor::from(std::vector<int32_t>{4, 0, 4, 1, 3}, {5});
  for (const int64_t padding : {-1, 2}) {
    const StableEmbedding embedding(5, 4, kInit, padding);
    CHECK(parameter_fault(embedding, [&] { return embedding.forward(ids); }) == "");
  }
}

TEST_CASE("Dropout passes the gradient check, its mask held still") {
  const Dropout layer(0.3);
  CHECK(gradcheck(
            [&](const Vars& v) {
              Rng masks(8);
              return layer.forward(v[0], &masks);
            },
            {random({6, 7})}) == "");
}

TEST_CASE("LSTM passes the gradient check with dropout between its layers") {
  const LSTM lstm({3, 4, 2, true}, 0.4, kInit);
  const PackingPtr packing = Packing::of({4, 2, 1});
  const Tensor x = random({7, 3});
  const auto forward = [&](const Variable& input) {
    Rng masks(6);
    const LstmResult r = lstm.forward(input, packing, &masks);
    return concat({reshape(r.y, {r.y.shape().numel()}), reshape(r.h_n, {r.h_n.shape().numel()}),
                   reshape(r.c_n, {r.c_n.shape().numel()})},
                  0);
  };
  CHECK(parameter_fault(lstm, [&] { return forward(Variable(x)); }) == "");
  CHECK(gradcheck([&](const Vars& v) { return forward(v[0]); }, {x}) == "");
}

TEST_CASE("the SMS classifier passes the gradient check from its loss") {
  const std::vector<int32_t> a = {3, 1, 3, 0}, b = {2, 5}, c = {4};
  const std::vector<std::span<const int32_t>> texts = {a, b, c};
  const Tensor labels = Tensor::from(std::vector<double>{1, 0, 1}, {3, 1});
  for (const bool bidirectional : {true, false}) {
    const LstmClassifier model({.vocabulary = 6,
                                .embedding = 3,
                                .stable_embedding = !bidirectional,
                                .hidden = 2,
                                .layers = 2,
                                .bidirectional = bidirectional},
                               kInit);
    const PackedIds ids = pack_ids(texts, Device::cpu());
    CHECK(parameter_fault(model, [&] {
            Rng masks(2);
            return reshape(binary_cross_entropy(model.forward(ids, &masks), labels), {1});
          }) == "");
  }
}

TEST_CASE("the bag classifier passes the gradient check from its loss") {
  const std::vector<int32_t> a = {3, 1, 3, 0}, b = {2, 5}, c = {4};
  const std::vector<std::span<const int32_t>> texts = {a, b, c};
  const Tensor labels = Tensor::from(std::vector<int32_t>{1, 0, 2}, {3});
  const PackedIds ids = pack_ids(texts, Device::cpu());
  for (const bool stable : {false, true}) {
    const BagClassifier model({.vocabulary = 6, .embedding = 3, .stable_embedding = stable, .outputs = 3},
                              kInit);
    CHECK(parameter_fault(model, [&] {
            Rng masks(2);
            return reshape(cross_entropy(model.forward(ids, &masks), labels), {1});
          }) == "");
  }
}
