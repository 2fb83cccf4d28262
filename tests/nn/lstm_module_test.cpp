#include <algorithm>
#include <cmath>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "nn/models/lstm_classifier.h"
#include "tests/nn/random.h"
#include "tests/support/support.h"

using namespace octet;
using octet::testing::kInit;
using octet::testing::random;

namespace {

double largest_difference(const Variable& a, const Variable& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.value().to_vector<double>(), y = b.value().to_vector<double>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

PackedIds ids_of(const std::vector<std::vector<int32_t>>& texts) {
  return pack_ids(std::vector<std::span<const int32_t>>(texts.begin(), texts.end()), Device::cpu());
}

}  // namespace

TEST_CASE("an LSTM run layer by layer, for its dropout, equals one run as a whole") {
  // A probability this small drops nothing but takes the way through the layers, and scales by 1.
  const LstmConfig config = {3, 5, 3, true};
  const LSTM layered(config, 1e-12, kInit);
  const PackingPtr packing = Packing::of({5, 3, 3, 1});
  const Shape state = {config.cells(), 4, 5};
  for (const bool with_state : {false, true})
    for (const bool with_index : {false, true}) {
      const Tensor index = with_index
                               ? Tensor::from(std::vector<int32_t>{0, 3, 1, 1, 2, 0, 3, 3, 0, 1, 2, 2}, {12})
                               : Tensor();
      const Variable x = Variable::leaf(random({with_index ? 4 : 12, 3}));
      const Variable h0 = with_state ? Variable::leaf(random(state, 6)) : Variable(),
                     c0 = with_state ? Variable::leaf(random(state, 7)) : Variable();
      std::vector<std::vector<double>> gradients[2];
      LstmResult results[2];
      for (const int way : {0, 1}) {
        Rng masks(3);
        results[way] = layered.forward(x, packing, way ? &masks : nullptr, index, h0, c0);
        CHECK((masks.position() > 0) == (way == 1));
        layered.zero_grad();
        x.zero_grad();
        if (with_state) h0.zero_grad(), c0.zero_grad();
        const LstmResult& r = results[way];
        (sum(r.y * r.y) + sum(r.h_n) + sum(r.c_n * r.c_n)).backward();
        for (const NamedParameter& parameter : layered.parameters())
          gradients[way].push_back(parameter.variable.grad().to_vector<double>());
        for (const Variable& leaf : {x, h0, c0})
          if (leaf.defined()) gradients[way].push_back(leaf.grad().to_vector<double>());
      }
      CHECK(largest_difference(results[0].y, results[1].y) < 1e-11);
      CHECK(largest_difference(results[0].h_n, results[1].h_n) < 1e-11);
      CHECK(largest_difference(results[0].c_n, results[1].c_n) < 1e-11);
      for (size_t i = 0; i < gradients[0].size(); ++i)
        for (size_t j = 0; j < gradients[0][i].size(); ++j)
          REQUIRE(std::abs(gradients[0][i][j] - gradients[1][i][j]) < 1e-10);
    }
}

TEST_CASE("dropout of an LSTM stands between its layers and not behind the last") {
  const PackingPtr packing = Packing::of({20, 20, 20});
  const Variable x(random({60, 3}));
  const auto outputs_differ = [&](int64_t layers) {
    const LSTM lstm({3, 8, layers, false}, 0.5, kInit);
    Rng masks(1);
    const LstmResult with = lstm.forward(x, packing, &masks), without = lstm.forward(x, packing, nullptr);
    for (const double value : with.y.value().to_vector<double>()) CHECK(value != 0);
    return largest_difference(with.y, without.y) > 0;
  };
  CHECK(!outputs_differ(1));
  CHECK(outputs_differ(2));
}

TEST_CASE("a text's logit does not depend on the texts beside it") {
  const LstmClassifier model({.vocabulary = 9, .embedding = 4, .hidden = 3}, kInit);
  const std::vector<std::vector<int32_t>> texts = {{1, 2, 3, 4, 5}, {8, 8, 0}, {7, 6, 5}, {2}};
  const std::vector<double> together = model.forward(ids_of(texts), nullptr).value().to_vector<double>();
  REQUIRE(together.size() == 4);
  for (size_t i = 0; i < texts.size(); ++i)
    CHECK(std::abs(model.forward(ids_of({texts[i]}), nullptr).value().item() - together[i]) < 1e-14);
}

TEST_CASE("the classifier joins the top layer's last states: both directions, or the one") {
  const std::vector<std::vector<int32_t>> texts = {{1, 2, 3}, {4, 0}};
  for (const bool bidirectional : {true, false}) {
    const LstmClassifierConfig config = {
        .vocabulary = 5, .embedding = 3, .hidden = 4, .bidirectional = bidirectional, .outputs = 3};
    const LstmClassifier model(config, kInit);
    const TensorFile state = model.state();
    const auto leaf = [&](const std::string& name) { return Variable(state.at(name)); };
    // The same by hand, from the named weights.
    std::vector<Variable> weights;
    for (const auto& [name, tensor] : state.tensors)
      if (name.starts_with("lstm.")) weights.push_back(Variable(tensor));
    const PackedIds ids = ids_of(texts);
    const Variable words = embedding(embedding(leaf("embedding.weight"), ids.ids), ids.index);
    const LstmConfig lstm_config = {3, 4, 2, bidirectional};
    const LstmResult result = lstm(words, ids.packing, weights, lstm_config);
    const int64_t cells = lstm_config.cells();
    const auto last = [&](int64_t cell) { return reshape(slice(result.h_n, 0, cell, cell + 1), {2, 4}); };
    const Variable features = bidirectional ? concat({last(cells - 2), last(cells - 1)}, 1) : last(cells - 1);
    const Variable expected = linear(features, leaf("fc.weight"), leaf("fc.bias"));
    CHECK(model.forward(ids, nullptr).shape() == Shape{2, 3});
    CHECK(largest_difference(model.forward(ids, nullptr), expected) < 1e-14);
  }
}

TEST_CASE("a training step gives the same gradients with one to four threads") {
  Rng rng(4);
  std::vector<std::vector<int32_t>> texts;
  for (int i = 0; i < 50; ++i) {
    texts.emplace_back();
    for (int j = 0; j < 30 - i / 2; ++j) texts.back().push_back(static_cast<int32_t>(rng.below(200)));
  }
  const Tensor labels = Tensor::full({50, 1}, 1, DType::F32, Device::cpu(), MemoryTag::Data);
  const LstmClassifier model({.vocabulary = 200}, Init{Rng(1)});
  std::vector<std::vector<float>> first;
  for (int threads = 1; threads <= 4; ++threads) {
    cpu::set_thread_count(threads);
    model.zero_grad();
    Rng masks(7);
    binary_cross_entropy(model.forward(ids_of(texts), &masks), labels).backward();
    std::vector<std::vector<float>> gradients;
    for (const NamedParameter& parameter : model.parameters())
      gradients.push_back(parameter.variable.grad().to_vector<float>());
    if (first.empty()) first = gradients;
    CHECK(gradients == first);
  }
  cpu::set_thread_count(0);
}

TEST_CASE("packed ids say which text reads which token at which step") {
  Rng rng(11);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::vector<int32_t>> texts;
    for (int64_t length = 20; length > 0; length -= static_cast<int64_t>(rng.below(4))) {
      texts.emplace_back();
      for (int64_t i = 0; i < length; ++i) texts.back().push_back(static_cast<int32_t>(rng.below(40)));
    }
    const PackedIds packed = ids_of(texts);
    const std::vector<int32_t> distinct = packed.ids.to_vector<int32_t>(),
                               index = packed.index.to_vector<int32_t>();
    CHECK(static_cast<int64_t>(index.size()) == packed.packing->total());
    CHECK(std::is_sorted(distinct.begin(), distinct.end()));
    CHECK(std::adjacent_find(distinct.begin(), distinct.end()) == distinct.end());
    std::vector<int> used(distinct.size());
    for (size_t row = 0; row < texts.size(); ++row)
      for (size_t step = 0; step < texts[row].size(); ++step) {
        const auto at =
            static_cast<size_t>(packed.packing->at(static_cast<int64_t>(row), static_cast<int64_t>(step)));
        REQUIRE(distinct.at(static_cast<size_t>(index[at])) == texts[row][step]);
        used[static_cast<size_t>(index[at])] = 1;
      }
    CHECK(used == std::vector<int>(used.size(), 1));  // no token that does not occur
  }
}

TEST_CASE("ids that cannot be packed are named, and large ones cost nothing") {
  CHECK_ERROR(ErrorKind::Data, "token id -3 is negative", ids_of({{1, -3}, {2}}));
  CHECK_ERROR(ErrorKind::Usage, "longest first", ids_of({{1}, {2, 3}}));
  CHECK_ERROR(ErrorKind::Usage, "sequence 1 has length 0", ids_of({{1}, {}}));
  CHECK_ERROR(ErrorKind::Usage, "at least one sequence", ids_of({}));
  const PackedIds packed = ids_of({{2147483647, 0, 2147483647}});
  CHECK(packed.ids.to_vector<int32_t>() == std::vector<int32_t>{0, 2147483647});
  CHECK(packed.index.to_vector<int32_t>() == std::vector<int32_t>{1, 0, 1});
}
