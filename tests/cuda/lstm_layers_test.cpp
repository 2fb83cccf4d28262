#include "nn/models/lstm_classifier.h"
#include "tests/cuda/layer_check.h"

using namespace octet;
using namespace octet::testing;

namespace {

struct LstmCase {
  const char* what;
  LstmConfig config;
  std::vector<int64_t> lengths;
  double dropout = 0;    // between layers
  bool state = false;    // h0 and c0 are inputs
  int64_t distinct = 0;  // rows that an index repeats; 0: no index
  bool bf16 = false;     // matrices are stored in BF16
};

std::vector<int64_t> falling(int64_t count, int64_t longest) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < count; ++i) lengths.push_back(longest - i * (longest - 1) / count);
  return lengths;
}

void check_lstm(const LstmCase& c) {
  const PackingPtr packing = Packing::of(c.lengths);
  const int64_t total = packing->total();
  std::vector<Shape> inputs = {{c.distinct ? c.distinct : total, c.config.input}};
  if (c.state) inputs.insert(inputs.end(), 2, {c.config.cells(), packing->batch(), c.config.hidden});
  std::vector<int32_t> index;
  Rng rng(23);
  for (int64_t i = 0; c.distinct && i < total; ++i)
    index.push_back(static_cast<int32_t>(rng.below(static_cast<uint64_t>(c.distinct))));
  check_layer(
      c.what, inputs, [&](const Init& init) { return LSTM(c.config, c.dropout, init); },
      [&](const LSTM& layer, Side& side) {
        const LstmResult result =
            layer.forward(side[0], packing, c.dropout > 0 ? &side.masks : nullptr,
                          c.distinct ? side.stage.ids(index) : Tensor(), c.state ? side[1] : Variable(),
                          c.state ? side[2] : Variable());
        return std::vector{result.y, result.h_n, result.c_n};
      },
      c.bf16 ? 1 : 0);
}

}  // namespace

TEST_CASE("an LSTM and its gradients agree with float64 for every shape of batch and width of layer") {
  for (const LstmCase& c : {LstmCase{"one of everything", {1, 1, 1, false}, {1}},
                            LstmCase{"batch 1, hidden 8", {5, 8, 1, false}, {9}},
                            LstmCase{"batch 1, both ways, hidden 100", {7, 100, 2, true}, {5}},
                            LstmCase{"lengths 1, hidden 64", {100, 64, 2, true}, {1, 1, 1, 1, 1}},
                            LstmCase{"equal lengths, hidden 64", {64, 64, 2, false}, {40, 40, 40, 40}},
                            LstmCase{"equal lengths, hidden 8", {3, 8, 2, true}, {6, 6}},
                            LstmCase{"odd sizes", {3, 5, 2, true}, {4, 2, 1}},
                            LstmCase{"hidden 100", {33, 100, 1, true}, falling(13, 21)},
                            LstmCase{"an SMS batch", {100, 64, 2, true}, falling(64, 60)}})
    check_lstm(c);
}

TEST_CASE("an LSTM with initial states passes gradients back to them as in float64") {
  check_lstm({"one way", {4, 9, 3, false}, {5, 4, 1}, 0, true});
  check_lstm({"both ways", {6, 8, 2, true}, falling(10, 8), 0, true});
}

TEST_CASE("an LSTM that reads rows through an index agrees with float64") {
  check_lstm({"few rows, each met often", {5, 7, 2, true}, {6, 6, 3, 1, 1}, 0, false, 4});
  check_lstm({"an SMS batch", {100, 64, 2, true}, falling(64, 50), 0, false, 500});
  check_lstm({"initial states as well", {4, 9, 2, false}, {5, 4, 1}, 0, true, 6});
}

TEST_CASE("an LSTM with dropout between its layers agrees with float64, masks and all") {
  check_lstm({"two layers", {5, 8, 2, false}, {6, 4, 1}, 0.5});
  check_lstm({"three layers both ways, states, an index", {5, 16, 3, true}, falling(9, 14), 0.2, true, 12});
  check_lstm({"an SMS batch", {100, 64, 2, true}, falling(64, 60), 0.2, false, 500});
}

TEST_CASE("an LSTM whose matrices are stored in BF16 agrees with float64 on the widened ones") {
  check_lstm({"odd sizes", {3, 5, 2, true}, {4, 2, 1}, 0, false, 0, true});
  check_lstm({"an SMS batch", {100, 64, 2, true}, falling(64, 60), 0.2, false, 500, true});
  check_lstm({"in cuDNN", {33, 200, 2, false}, falling(13, 21), 0, false, 0, true});
}

TEST_CASE("an LSTM in evaluation gives what it gives in training without dropout") {
  const LSTM lstm({9, 24, 2, true}, 0, Init{Rng(1), Device::cuda()});
  const PackingPtr packing = Packing::of(falling(12, 17));
  const Stage stage(Device::cuda(), DType::F32);
  const Shape shape = {packing->total(), 9};
  const Variable x = Variable::leaf(stage.in(random_values(shape.numel(), -1, 1, 5), shape));
  const Values training = values_of(lstm.forward(x, packing, nullptr).y.value());
  const NoGrad no_grad;
  CHECK(disagreement({"y", values_of(lstm.forward(x, packing, nullptr).y.value()), training}, 1e-6) == "");
}

TEST_CASE("the LSTM classifier's logits and gradients agree with float64 in training") {
  Rng rng(29);
  std::vector<std::vector<int32_t>> texts;
  for (const int64_t length : falling(40, 55)) {
    texts.emplace_back();
    for (int64_t i = 0; i < length; ++i) texts.back().push_back(static_cast<int32_t>(rng.below(300)));
  }
  const std::vector<std::span<const int32_t>> views(texts.begin(), texts.end());
  for (const bool bidirectional : {true, false}) {
    LstmClassifierConfig config{.vocabulary = 300, .embedding = 50, .bidirectional = bidirectional};
    config.head_dropout = bidirectional ? 0 : 0.3;
    check_layer(
        bidirectional ? "as in the SMS experiment" : "as in the IMDB experiment", {},
        [&](const Init& init) { return LstmClassifier(config, init); },
        [&](const LstmClassifier& model, Side& side) {
          return std::vector{model.forward(pack_ids(views, side.stage.device()), &side.masks)};
        });
  }
}
