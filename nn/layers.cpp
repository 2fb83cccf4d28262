#include "nn/layers.h"

#include <cmath>

#include "core/error.h"

namespace octet {
namespace {

double bound_of(int64_t fan) { return fan > 0 ? 1 / std::sqrt(static_cast<double>(fan)) : 0; }

}  // namespace

Linear::Linear(int64_t in, int64_t out, const Init& init, bool bias)
    : weight_(parameter("weight", uniform({out, in}, bound_of(in), init.part("weight")))) {
  if (bias) bias_ = parameter("bias", uniform({out}, bound_of(in), init.part("bias")));
}

Embedding::Embedding(int64_t rows, int64_t width, const Init& init, int64_t padding, bool frozen)
    : Embedding(normal({rows, width}, 0, 1, init.part("weight")), padding, frozen) {}

Embedding::Embedding(Tensor weight, int64_t padding, bool frozen)
    : padding_(padding), weight_(parameter("weight", std::move(weight), frozen)) {
  const int64_t rows = weight_.size(0);
  require(padding >= -1 && padding < rows, "Embedding: padding row ", padding, " is not in 0..", rows - 1);
  if (padding >= 0) weight_.value().slice_rows(padding, padding + 1).fill(0);
}

StableEmbedding::StableEmbedding(int64_t rows, int64_t width, const Init& init, int64_t padding, bool frozen)
    : Embedding(xavier_uniform({rows, width}, init.part("weight")), padding, frozen),
      norm_(width, init.part("norm")) {
  part("norm", norm_);
  keep_full_precision_state();
}

LayerNorm::LayerNorm(int64_t width, const Init& init, double eps)
    : eps_(eps),
      weight_(parameter("weight", constant({width}, 1, init))),
      bias_(parameter("bias", constant({width}, 0, init))) {}

Dropout::Dropout(double p) : p_(p) {
  require(p >= 0 && p < 1, "Dropout: probability ", p, " is not in [0, 1)");
}

LSTM::LSTM(const LstmConfig& config, double dropout, const Init& init) : config_(config), dropout_(dropout) {
  require(config.input > 0 && config.hidden > 0 && config.layers > 0, "LSTM: input ", config.input,
          ", hidden ", config.hidden, " and layers ", config.layers, " must be at least 1");
  require(dropout >= 0 && dropout < 1, "LSTM: dropout ", dropout, " is not in [0, 1)");
  const int64_t gates = 4 * config.hidden;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (int64_t direction = 0; direction < config.directions(); ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
      const auto add = [&](const std::string& name, const Shape& shape) {
        weights_.push_back(
            parameter(name + suffix, uniform(shape, bound_of(config.hidden), init.part(name + suffix))));
      };
      add("weight_ih", {gates, config.input_of(layer)});
      add("weight_hh", {gates, config.hidden});
      add("bias_ih", {gates});
      add("bias_hh", {gates});
    }
}

LstmResult LSTM::forward(const Variable& x, const PackingPtr& packing, Rng* masks, const Tensor& index,
                         const Variable& h0, const Variable& c0) const {
  const ProfileRange whole(x.device(), "LSTM");
  require(packing->shared == 0 || can_share(masks),
          "LSTM: sequences share a beginning, but not the states there: it has two directions, or dropout "
          "between its layers");
  // All layers in one operation where nothing stands between them.
  if (!drops_between_layers(masks)) return lstm(x, packing, weights_, config_, h0, c0, index);
  Variable input = x;
  std::vector<Variable> h_n, c_n;
  LstmResult result;
  const int64_t cells = config_.directions();
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    const ProfileRange range(x.device(), ("LSTM layer " + std::to_string(layer)).c_str());
    LstmConfig one = config_;
    one.layers = 1;
    one.input = config_.input_of(layer);
    const auto begin = weights_.begin() + layer * cells * 4;
    const auto part = [&](const Variable& state) {
      return state.defined() ? slice(state, 0, layer * cells, (layer + 1) * cells) : Variable();
    };
    result = lstm(input, packing, std::vector<Variable>(begin, begin + cells * 4), one, part(h0), part(c0),
                  layer == 0 ? index : Tensor());
    h_n.push_back(result.h_n);
    c_n.push_back(result.c_n);
    if (layer + 1 < config_.layers) input = dropout(result.y, dropout_, *masks);
  }
  return {result.y, concat(h_n, 0), concat(c_n, 0)};
}

std::unique_ptr<Embedding> make_embedding(int64_t rows, int64_t width, bool stable, bool frozen,
                                          const Init& init) {
  if (stable) return std::make_unique<StableEmbedding>(rows, width, init, -1, frozen);
  return std::make_unique<Embedding>(rows, width, init, -1, frozen);
}

}  // namespace octet
