// Distributions are checked by their moments: the bounds are five standard deviations of the estimate.

#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/layers.h"
#include "nn/models/lstm_classifier.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

std::vector<double> values_of(const Tensor& tensor) {
  return tensor.to(DType::F64, MemoryTag::Data).to_vector<double>();
}

struct Moments {
  double mean = 0, variance = 0, lowest = 0, highest = 0, count = 0;

  explicit Moments(const Tensor& tensor) {
    const std::vector<double> x = values_of(tensor);
    count = static_cast<double>(x.size());
    for (const double value : x) mean += value / count;
    for (const double value : x) variance += (value - mean) * (value - mean) / count;
    lowest = *std::min_element(x.begin(), x.end());
    highest = *std::max_element(x.begin(), x.end());
  }
};

// The fourth central moment over the squared variance is 9/5: the estimate of the variance spreads by
// variance * sqrt(4/5 / n).
void check_uniform(const Tensor& tensor, double bound) {
  const Moments m(tensor);
  const double variance = bound * bound / 3;
  CHECK(m.lowest >= static_cast<float>(-bound));
  CHECK(m.highest <= static_cast<float>(bound));
  CHECK(m.highest - m.lowest > 2 * bound * (1 - 20 / m.count));
  CHECK(std::abs(m.mean) < 5 * std::sqrt(variance / m.count));
  CHECK(std::abs(m.variance - variance) < 5 * variance * std::sqrt(0.8 / m.count));
}

void check_normal(const Tensor& tensor, double mean, double deviation) {
  const Moments m(tensor);
  const double variance = deviation * deviation;
  CHECK(std::abs(m.mean - mean) < 5 * deviation / std::sqrt(m.count));
  CHECK(std::abs(m.variance - variance) < 5 * variance * std::sqrt(2 / m.count));
}

Tensor parameter(const Module& module, const std::string& name) { return module.state().at(name); }

}  // namespace

TEST_CASE("normal values have the shares of the normal distribution") {
  const std::vector<double> x = values_of(normal({400, 500}, 0, 1, Init{Rng(1)}));
  const double n = static_cast<double>(x.size());
  for (const double limit : {0.1, 0.5, 1.0, 2.0, 3.0, 4.0}) {
    double inside = 0, above = 0;
    for (const double value : x) {
      inside += std::abs(value) < limit;
      above += value > limit;
    }
    const double share = std::erf(limit / std::sqrt(2.0)), tail = (1 - share) / 2;
    CHECK(std::abs(inside / n - share) < 5 * std::sqrt(share * (1 - share) / n));
    CHECK(std::abs(above / n - tail) < 5 * std::sqrt(tail / n));
  }
  check_normal(normal({400, 500}, 3, 0.02, Init{Rng(2)}), 3, 0.02);
  check_normal(normal({99999}, 0, 1, Init{Rng(3)}), 0, 1);  // an odd count
}

TEST_CASE("neighbouring values are not correlated") {
  for (const Tensor& tensor : {normal({100000}, 0, 1, Init{Rng(1)}), uniform({100000}, 1, Init{Rng(1)})}) {
    const std::vector<double> x = values_of(tensor);
    for (const size_t lag : {1u, 2u, 3u, 100u}) {
      double covariance = 0, variance = 0;
      for (size_t i = lag; i < x.size(); ++i) covariance += x[i] * x[i - lag];
      for (const double value : x) variance += value * value;
      CHECK(std::abs(covariance / variance) < 5 / std::sqrt(static_cast<double>(x.size())));
    }
  }
}

TEST_CASE("layers begin as PyTorch's do") {
  const LstmClassifier model({.vocabulary = 1751}, Init{Rng(2021)});
  check_normal(parameter(model, "embedding.weight"), 0, 1);
  for (const auto& [name, tensor] : model.state().tensors)
    if (name.starts_with("lstm.")) {
      CAPTURE(name);
      check_uniform(tensor, 1 / std::sqrt(64.0));  // by the hidden size, whatever the input size
    }
  const Linear linear(100, 300, Init{Rng(5)});
  check_uniform(parameter(linear, "weight"), 0.1);
  check_uniform(parameter(linear, "bias"), 0.1);
  const LayerNorm norm(5, Init{Rng(1)});
  CHECK(values_of(parameter(norm, "weight")) == std::vector<double>(5, 1));
  CHECK(values_of(parameter(norm, "bias")) == std::vector<double>(5, 0));
}

TEST_CASE("a StableEmbedding begins Xavier uniform, with a norm that changes nothing but scale") {
  const StableEmbedding embedding(1751, 100, Init{Rng(2021)});
  check_uniform(parameter(embedding, "weight"), std::sqrt(6.0 / 1851));
  CHECK(values_of(parameter(embedding, "norm.weight")) == std::vector<double>(100, 1));
  CHECK(values_of(parameter(embedding, "norm.bias")) == std::vector<double>(100, 0));
  const std::vector<double> y =
      values_of(embedding.forward(Tensor::from(std::vector<int32_t>{7}, {1})).value());
  double mean = 0, square = 0;
  for (const double value : y) mean += value / 100, square += value * value / 100;
  CHECK(std::abs(mean) < 1e-6);
  CHECK(square == doctest::Approx(1).epsilon(0.02));  // eps takes a little off
  const StableEmbedding padded(5, 3, Init{Rng(1)}, 2);
  CHECK(values_of(padded.forward(Tensor::from(std::vector<int32_t>{2}, {1})).value()) ==
        std::vector<double>(3, 0));
  CHECK_ERROR(ErrorKind::Usage, "padding row 5 is not in 0..4", StableEmbedding(5, 3, Init{Rng(1)}, 5));
  CHECK_ERROR(ErrorKind::Usage, "xavier_uniform: needs a matrix, got [3]", xavier_uniform({3}, Init{Rng(1)}));
}

TEST_CASE("no two parameters of a model begin alike") {
  const LstmClassifier model({.vocabulary = 64, .embedding = 64}, Init{Rng(1)});
  const TensorFile state = model.state();
  for (size_t i = 0; i < state.tensors.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      CAPTURE(state.tensors[i].first + " and " + state.tensors[j].first);
      CHECK(values_of(state.tensors[i].second)[0] != values_of(state.tensors[j].second)[0]);
    }
}

TEST_CASE("what a layer begins with does not depend on what was made before it, only on seed and name") {
  const Init init = {Rng(7)};
  const Linear first(4, 3, init.part("a"));
  const Embedding between(10, 3, init.part("b"));
  const Linear again(4, 3, init.part("a")), other(4, 3, init.part("c"));
  const Linear reseeded(4, 3, Init{Rng(8)}.part("a"));
  const auto weight = [](const Linear& layer) { return values_of(parameter(layer, "weight")); };
  CHECK(weight(first) == weight(again));
  CHECK(weight(first) != weight(other));
  CHECK(weight(first) != weight(reseeded));
  // A model's part begins as the layer alone would.
  const LstmClassifier model({.vocabulary = 10, .embedding = 3}, Init{Rng(7)});
  CHECK(values_of(parameter(model, "embedding.weight")) ==
        values_of(parameter(Embedding(10, 3, Init{Rng(7)}.part("embedding")), "weight")));
}

TEST_CASE("every element type begins with the same numbers") {
  const auto in = [](DType type) { return normal({1000}, 0, 1, Init{Rng(3), Device::cpu(), type}); };
  const std::vector<float> single = in(DType::F32).to_vector<float>();
  CHECK(in(DType::F64).to(DType::F32, MemoryTag::Data).to_vector<float>() == single);
  CHECK(values_of(in(DType::BF16)) == values_of(in(DType::F32).to(DType::BF16, MemoryTag::Data)));
}

TEST_CASE("large matrices are stored in BF16 where it is asked for: the same numbers, rounded to nearest") {
  const auto from = [](int64_t elements) { return Init{.rng = Rng(7), .bf16_from = elements}; };
  const LstmClassifierConfig config{.vocabulary = 10, .embedding = 3, .hidden = 4};
  const LstmClassifier plain(config, from(0)), stored(config, from(40));
  for (const NamedParameter& exact : plain.parameters()) {
    CAPTURE(exact.name);
    const Tensor value = exact.variable.value(), other = parameter(stored, exact.name);
    const bool narrow = value.shape().rank() == 2 && value.numel() >= 40;
    CHECK(value.dtype() == DType::F32);
    CHECK(other.dtype() == (narrow ? DType::BF16 : DType::F32));
    CHECK(values_of(other) == values_of(narrow ? value.to(DType::BF16, MemoryTag::Data) : value));
  }
  CHECK(parameter(stored, "embedding.weight").dtype() == DType::F32);  // 30 elements
  CHECK(parameter(LstmClassifier(config, from(30)), "embedding.weight").dtype() == DType::BF16);
  // Constants, a padding row, and part of a part; never a vector, never of f64.
  CHECK(constant({4, 10}, 0.1, from(40)).dtype() == DType::BF16);
  CHECK(constant({40}, 0.1, from(1)).dtype() == DType::F32);
  CHECK(normal({40}, 0, 1, from(1).part("a").part("b")).dtype() == DType::F32);
  CHECK(normal({5, 8}, 0, 1, from(1).part("a").part("b")).dtype() == DType::BF16);
  CHECK(xavier_uniform({5, 8}, Init{Rng(1), Device::cpu(), DType::F64, 1}).dtype() == DType::F64);
  const StableEmbedding padded(5, 3, from(1), 2);
  CHECK(parameter(padded, "weight").dtype() == DType::BF16);
  CHECK(values_of(parameter(padded, "weight").slice_rows(2, 3)) == std::vector<double>(3, 0));
  CHECK(parameter(padded, "norm.weight").dtype() == DType::F32);
}

TEST_CASE("weights are loaded into either type from either, rounded to nearest") {
  const Linear exact(20, 30, Init{Rng(1)}), stored(20, 30, Init{.rng = Rng(2), .bf16_from = 1});
  stored.load(exact.state(), "w");
  CHECK(values_of(parameter(stored, "weight")) ==
        values_of(parameter(exact, "weight").to(DType::BF16, MemoryTag::Data)));
  exact.load(stored.state(), "w");
  CHECK(parameter(exact, "weight").dtype() == DType::F32);
  CHECK(values_of(parameter(exact, "weight")) == values_of(parameter(stored, "weight")));
}

TEST_CASE("parameters are booked as weights") {
  const auto live = [] { return ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::Weights)]; };
  const int64_t before = live();
  const Linear layer(64, 32, Init{Rng(1)});
  CHECK(live() - before == 64 * 32 * 4 + 32 * 4);
}
