#include "nn/models/bag_classifier.h"

#include <algorithm>
#include <cmath>

#include "tests/nn/random.h"
#include "tests/support/support.h"

using namespace octet;
using octet::testing::kInit;
using octet::testing::largest_difference;
using octet::testing::values_of;

namespace {

using Texts = std::vector<std::vector<int32_t>>;

PackedIds ids_of(const Texts& texts) {
  return pack_ids(std::vector<std::span<const int32_t>>(texts.begin(), texts.end()), Device::cpu());
}

// All rows as sequences of their own ids, without the index that a CPU's batch has: as a GPU gets them.
PackedIds without_index(const Texts& texts) {
  PackedIds packed = ids_of(texts);
  const std::vector<int32_t> distinct = packed.ids.to_vector<int32_t>();
  std::vector<int32_t> ids = packed.index.to_vector<int32_t>();
  for (int32_t& id : ids) id = distinct[static_cast<size_t>(id)];
  packed.ids = Tensor::from(ids, {packed.packing->total()});
  packed.index = Tensor();
  return packed;
}

const Texts kTexts = {{7, 1, 7, 7, 0, 3}, {2, 2, 5}, {6, 4}, {8}};

}  // namespace

TEST_CASE("the bag classifier is a linear layer on the mean of a text's embeddings") {
  const BagClassifier model({.vocabulary = 9, .embedding = 5, .outputs = 3}, kInit);
  const auto parameters = model.parameters();
  REQUIRE(parameters.size() == 3);
  CHECK(parameters[0].name == "embedding.weight");
  CHECK(parameters[1].name == "fc.weight");
  CHECK(parameters[2].name == "fc.bias");
  const std::vector<double> table = values_of(parameters[0].variable), w = values_of(parameters[1].variable),
                            b = values_of(parameters[2].variable);
  std::vector<double> expected;
  for (const auto& text : kTexts)
    for (size_t out = 0; out < 3; ++out) {
      double logit = b[out];
      for (size_t i = 0; i < 5; ++i) {
        double sum = 0;
        for (const int32_t id : text) sum += table[static_cast<size_t>(id) * 5 + i];
        logit += w[out * 5 + i] * sum / static_cast<double>(text.size());
      }
      expected.push_back(logit);
    }
  const Variable logits = model.forward(ids_of(kTexts), nullptr);
  CHECK(logits.shape() == Shape{4, 3});
  CHECK(largest_difference(values_of(logits), expected) < 1e-14);
  CHECK(largest_difference(values_of(model.forward(without_index(kTexts), nullptr)), expected) < 1e-14);
}

TEST_CASE("neither the order of a text's words nor the texts beside it change its logits") {
  const BagClassifier model({.vocabulary = 9, .embedding = 4, .stable_embedding = true, .outputs = 2}, kInit);
  const std::vector<double> together = values_of(model.forward(ids_of(kTexts), nullptr));
  Rng rng(3);
  for (int round = 0; round < 20; ++round) {
    Texts shuffled = kTexts;
    for (auto& text : shuffled)
      for (size_t i = text.size(); i > 1; --i) std::swap(text[i - 1], text[rng.below(i)]);
    CHECK(largest_difference(values_of(model.forward(ids_of(shuffled), nullptr)), together) < 1e-14);
  }
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const std::vector<double> alone = values_of(model.forward(ids_of({kTexts[i]}), nullptr));
    CHECK(alone == std::vector<double>(together.begin() + static_cast<std::ptrdiff_t>(2 * i),
                                       together.begin() + static_cast<std::ptrdiff_t>(2 * i + 2)));
  }
}

TEST_CASE("gradients of the bag classifier do not depend on the index of distinct words") {
  const BagClassifier model({.vocabulary = 9, .embedding = 4, .outputs = 3}, kInit);
  const Tensor labels = Tensor::from(std::vector<int32_t>{2, 0, 1, 2}, {4});
  std::vector<std::vector<double>> gradients[2];
  for (const int way : {0, 1}) {
    model.zero_grad();
    cross_entropy(model.forward(way ? without_index(kTexts) : ids_of(kTexts), nullptr), labels).backward();
    for (const auto& p : model.parameters()) gradients[way].push_back(p.variable.grad().to_vector<double>());
  }
  for (size_t i = 0; i < gradients[0].size(); ++i)
    CHECK(largest_difference(gradients[0][i], gradients[1][i]) < 1e-15);
}

TEST_CASE("dropout of the bag classifier moves its stream in training only") {
  const BagClassifier model({.vocabulary = 9, .embedding = 64, .dropout = 0.5, .outputs = 1}, kInit);
  Rng masks(4);
  const std::vector<double> trained = values_of(model.forward(ids_of(kTexts), &masks));
  CHECK(masks.position() > 0);
  CHECK(trained != values_of(model.forward(ids_of(kTexts), nullptr)));
}
