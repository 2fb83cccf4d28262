// Texts that are padded on the left, with their padding computed once and with all of it.
#include <algorithm>
#include <cmath>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "nn/models/lstm_classifier.h"
#include "tests/nn/random.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

constexpr int64_t kVocabulary = 30;
using Texts = std::vector<std::vector<int32_t>>;

PackedIds padded(const Texts& texts, int64_t length, bool share = true, int32_t padding = 0) {
  return pad_ids_left(std::vector<std::span<const int32_t>>(texts.begin(), texts.end()), length, padding,
                      Device::cpu(), share);
}

// A text of each length, of ids from 1 on.
Texts texts_of(const std::vector<int64_t>& lengths, uint64_t seed = 3) {
  Rng rng(seed);
  Texts texts;
  for (const int64_t length : lengths) {
    std::vector<int32_t>& text = texts.emplace_back();
    for (int64_t i = 0; i < length; ++i) text.push_back(1 + static_cast<int32_t>(rng.below(kVocabulary - 1)));
  }
  return texts;
}

// Lengths as reviews have them: most short, some long, here and there one without a known word.
std::vector<int64_t> review_lengths(int64_t count, int64_t longest, uint64_t seed) {
  Rng rng(seed);
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) {
    const double drawn = std::pow(rng.uniform(), 4) * static_cast<double>(longest + 1);
    lengths.push_back(static_cast<int64_t>(drawn));
  }
  return lengths;
}

// Last states and the gradients of a sum of both with respect to the table and all weights.
std::vector<Tensor> results_of(const PackedIds& batch, int64_t layers, int64_t hidden, DType dtype) {
  const Init init = {Rng(7), Device::cpu(), dtype};
  const Embedding embedding(kVocabulary, 6, init.part("embedding"));
  const LSTM lstm({6, hidden, layers, false}, 0, init.part("lstm"));
  const LstmResult r = lstm.forward(embedding.forward(batch.ids), batch.packing, nullptr, batch.index);
  const auto weights = [&](uint64_t seed) {
    return Variable(testing::random(r.h_n.shape(), seed).to(dtype, MemoryTag::Data));
  };
  (sum(r.h_n * weights(1)) + sum(r.c_n * weights(2))).backward();
  std::vector<Tensor> results = {r.h_n.value(), r.c_n.value()};
  for (const Module* module : {static_cast<const Module*>(&embedding), static_cast<const Module*>(&lstm)})
    for (const NamedParameter& parameter : module->parameters())
      results.push_back(parameter.variable.grad().clone(MemoryTag::Data));
  return results;
}

// The largest difference, in parts of the largest value.
double relative_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.to(DType::F64, MemoryTag::Data).to_vector<double>(),
                            y = b.to(DType::F64, MemoryTag::Data).to_vector<double>();
  double difference = 0, largest = 1e-300;
  for (size_t i = 0; i < x.size(); ++i) {
    difference = std::max(difference, std::abs(x[i] - y[i]));
    largest = std::max(largest, std::abs(y[i]));
  }
  return difference / largest;
}

void check_same(const PackedIds& shared, const PackedIds& whole, int64_t layers, int64_t hidden, DType dtype,
                double tolerance) {
  REQUIRE(shared.packing->shared > 0);
  REQUIRE(whole.packing->shared == 0);
  const std::vector<Tensor> a = results_of(shared, layers, hidden, dtype),
                            b = results_of(whole, layers, hidden, dtype);
  REQUIRE(a.size() == static_cast<size_t>(3 + 4 * layers));
  for (size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i);
    CHECK(relative_difference(a[i], b[i]) < tolerance);
  }
}

}  // namespace

TEST_CASE("a shared padding gives the states and gradients that every text's own padding gives") {
  const std::vector<int64_t> lengths[] = {
      {3, 5, 0, 12, 1, 7, 7},     // one of all padding, two equal ones
      {40, 3, 9},                 // one without padding
      {4, 4, 4, 4},               // equal ones
      {0, 0, 0},                  // nothing but padding
      {0, 40},                    // the one extreme and the other, nothing in common
      review_lengths(45, 40, 1),  // more than one group of rows
      review_lengths(90, 40, 2),
  };
  for (const auto& batch : lengths)
    for (int64_t layers = 1; layers <= 6; ++layers) {
      CAPTURE(layers);
      CAPTURE(batch.size());
      const Texts texts = texts_of(batch);
      const PackedIds shared = padded(texts, 40), whole = padded(texts, 40, false);
      if (shared.packing->shared == 0) {
        CHECK(batch == std::vector<int64_t>{0, 40});
        continue;
      }
      check_same(shared, whole, layers, 11, DType::F64, 1e-12);
      check_same(shared, whole, layers, 11, DType::F32, 1e-5);
    }
}

TEST_CASE("a batch of the IMDB experiment's shape is the same with a shared padding") {
  const Texts texts = texts_of(review_lengths(50, 500, 3));
  const PackedIds shared = padded(texts, 500), whole = padded(texts, 500, false);
  CHECK(shared.packing->total() < whole.packing->total() / 3);
  check_same(shared, whole, 2, 64, DType::F32, 1e-5);
  check_same(shared, whole, 2, 64, DType::F64, 1e-12);
}

TEST_CASE("the padding is looked for in the ids") {
  const auto prefix_of = [](const Texts& texts, int64_t length, int32_t padding) {
    return padded(texts, length, true, padding).packing->prefix;
  };
  using Steps = std::vector<int64_t>;
  // Filled up by us, or by the caller, or begun with the padding's id: all the same.
  CHECK(prefix_of({{1, 2}, {3}, {4, 0, 5}}, 5, 0) == Steps{3, 4, 2});
  CHECK(prefix_of({{0, 0, 0, 1, 2}, {0, 0, 0, 0, 3}, {0, 0, 4, 0, 5}}, 5, 0) == Steps{3, 4, 2});
  CHECK(prefix_of({{0, 1, 2}, {0, 3}, {}}, 5, 0) == Steps{3, 4, 4});
  // Another padding in every batch.
  CHECK(prefix_of({{7, 7, 1}, {2, 2, 7}, {}}, 4, 7) == Steps{3, 1, 3});
  // A text without padding goes its own way from the first step.
  CHECK(prefix_of({{1, 2, 3}, {4}, {5, 6}}, 3, 0) == Steps{0, 2, 1});
  // Nothing to share: no padding, one text with some, one text alone, a single step.
  CHECK(prefix_of({{1, 2, 3}, {4, 5, 6}}, 3, 0).empty());
  CHECK(prefix_of({{1, 2, 3}, {4, 5}}, 3, 0).empty());
  CHECK(prefix_of({{1}}, 9, 0).empty());
  CHECK(prefix_of({{}, {}, {1}}, 1, 0).empty());
  // Runs of another id than the padding's are no padding.
  CHECK(prefix_of({{7, 7, 1}, {7, 7, 2}, {7, 7, 3}}, 3, 0).empty());
}

TEST_CASE("padded ids say which text reads which token at which step, shared or not") {
  Rng rng(9);
  for (int round = 0; round < 40; ++round) {
    const int64_t length = 1 + static_cast<int64_t>(rng.below(20));
    const Texts texts = texts_of(
        review_lengths(1 + static_cast<int64_t>(rng.below(12)), length, rng.below(1000)), rng.below(99));
    for (const bool share : {true, false}) {
      const PackedIds batch = padded(texts, length, share);
      for (const PackedIds& b : {batch, without_sharing(batch)}) {
        const std::vector<int32_t> ids = b.ids.to_vector<int32_t>(), index = b.index.to_vector<int32_t>();
        REQUIRE(static_cast<int64_t>(index.size()) == b.packing->total());
        CHECK(std::is_sorted(ids.begin(), ids.end()));
        CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
        CHECK(b.packing->lengths == std::vector<int64_t>(texts.size(), length));
        for (size_t row = 0; row < texts.size(); ++row)
          for (int64_t step = 0; step < length; ++step) {
            const int64_t own = step - length + static_cast<int64_t>(texts[row].size());
            const int64_t at = b.packing->at(static_cast<int64_t>(row), step);
            REQUIRE(ids.at(static_cast<size_t>(index.at(static_cast<size_t>(at)))) ==
                    (own < 0 ? 0 : texts[row][static_cast<size_t>(own)]));
          }
      }
      CHECK(without_sharing(batch).packing->shared == 0);
    }
  }
}

TEST_CASE("a model whose texts have different states in their padding computes all of it") {
  const Texts texts = texts_of({3, 5, 0, 12, 1});
  const PackedIds shared = padded(texts, 15), whole = padded(texts, 15, false);
  REQUIRE(shared.packing->shared == 14);
  LstmClassifierConfig config = {.vocabulary = kVocabulary, .embedding = 5, .hidden = 6, .layers = 2};
  const auto logits = [](const LstmClassifier& model, const PackedIds& batch, bool training) {
    Rng masks(4);
    return model.forward(batch, training ? &masks : nullptr).value().to_vector<double>();
  };
  for (const bool training : {false, true}) {
    CAPTURE(training);
    config.bidirectional = true;  // what comes later in a text reaches its padding
    config.dropout = 0;
    const LstmClassifier both(config, testing::kInit);
    CHECK(logits(both, shared, training) == logits(both, whole, training));
    config.bidirectional = false;
    config.dropout = 0.4;  // every row has masks of its own in its padding
    const LstmClassifier dropping(config, testing::kInit);
    const std::vector<double> a = logits(dropping, shared, training), b = logits(dropping, whole, training);
    if (training) {
      CHECK(a == b);
    } else {
      for (size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-13);
    }
  }
  Rng masks(4);
  const Variable x(testing::random({shared.ids.numel(), 5}));
  const LSTM both({5, 6, 2, true}, 0, testing::kInit), dropping({5, 6, 2, false}, 0.4, testing::kInit);
  CHECK_ERROR(ErrorKind::Usage, "two directions", both.forward(x, shared.packing, nullptr, shared.index));
  CHECK_ERROR(ErrorKind::Usage, "dropout", dropping.forward(x, shared.packing, &masks, shared.index));
  CHECK(dropping.forward(x, shared.packing, nullptr, shared.index).y.size(0) == shared.packing->total());
}

TEST_CASE("a shared padding gives the same bytes with one to three threads") {
  const PackedIds batch = padded(texts_of(review_lengths(80, 60, 5)), 60);
  REQUIRE(batch.packing->shared > 0);
  std::vector<std::vector<float>> first;
  for (int threads = 1; threads <= 3; ++threads) {
    cpu::set_thread_count(threads);
    std::vector<std::vector<float>> all;
    for (const Tensor& result : results_of(batch, 3, 24, DType::F32))
      all.push_back(result.to_vector<float>());
    if (first.empty()) first = all;
    CHECK(all == first);
  }
  cpu::set_thread_count(0);
}

TEST_CASE("activations of a shared padding are held once") {
  const Texts texts = texts_of(review_lengths(50, 300, 3));
  const auto activations = [&](bool share) {
    const PackedIds batch = padded(texts, 300, share);
    ledger(Device::cpu()).reset_peaks();
    const int64_t before = ledger(Device::cpu()).use().live[static_cast<size_t>(MemoryTag::Activations)];
    results_of(batch, 2, 16, DType::F32);
    return ledger(Device::cpu()).use().peak[static_cast<size_t>(MemoryTag::Activations)] - before;
  };
  const double rows = static_cast<double>(padded(texts, 300).packing->total()) / (50 * 300);
  const double bytes = static_cast<double>(activations(true)) / static_cast<double>(activations(false));
  CHECK(rows < 0.3);
  CHECK(bytes < rows + 0.02);
}

TEST_CASE("texts that cannot be padded are named") {
  CHECK_ERROR(ErrorKind::Data, "sequence 1 has 3 ids, at most 2 fit", padded({{1}, {1, 2, 3}}, 2));
  CHECK_ERROR(ErrorKind::Data, "token id -4 of sequence 0 is negative", padded({{1, -4}, {2}}, 3));
  CHECK_ERROR(ErrorKind::Data, "padding id -1 is negative", padded({{1}}, 3, true, -1));
  CHECK_ERROR(ErrorKind::Usage, "length 0 is below 1", padded({{}}, 0));
  CHECK_ERROR(ErrorKind::Usage, "at least one sequence", padded({}, 3));
}
