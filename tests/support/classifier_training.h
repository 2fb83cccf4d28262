// Training steps of an LSTM classifier as the trainer takes them: nothing in a step waits for the device.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autograd/functions.h"
#include "nn/models/lstm_classifier.h"
#include "optim/optimizer.h"

namespace octet::testing {

struct TextBatch {
  std::vector<std::vector<int32_t>> texts;  // longest first, unless they are filled up
  std::vector<float> labels;
  int64_t padded = 0;  // with zeros on the left, to this many ids
  bool share = true;   // the padding (nn/packed_ids.h)

  PackedIds packed(Device device) const {
    const std::vector<std::span<const int32_t>> views(texts.begin(), texts.end());
    return padded ? pad_ids_left(views, padded, 0, device, share) : pack_ids(views, device);
  }
};

// `rows` texts of random ids below `vocabulary`; all of `longest` tokens, or falling from there to one.
inline TextBatch random_batch(int64_t rows, int64_t longest, bool equal, int64_t vocabulary, Rng& rng) {
  TextBatch batch;
  for (int64_t row = 0; row < rows; ++row) {
    batch.texts.emplace_back();
    const int64_t length = equal ? longest : longest - row * (longest - 1) / rows;
    for (int64_t i = 0; i < length; ++i)
      batch.texts.back().push_back(static_cast<int32_t>(rng.below(static_cast<uint64_t>(vocabulary))));
    batch.labels.push_back(rng.below(2) ? 1.0f : 0.0f);
  }
  return batch;
}

struct Recipe {
  LstmClassifierConfig model;
  std::string codec = "fp32";
  double lr = 1e-3, max_norm = 0;
};

class Training {
 public:
  Training(const Recipe& recipe, Device device)
      : device_(device),
        model_(recipe.model, Init{Rng(2021), device}),
        optimizer_({{.parameters = model_.parameters(), .options = options(recipe)}},
                   {.max_norm = recipe.max_norm}) {
    for (const NamedParameter& p : model_.parameters()) p.variable.grad();  // gradients hold their bytes
  }

  // Returns the loss, on the device.
  Tensor step(const TextBatch& batch) {
    optimizer_.zero_grad();
    const Variable loss = loss_of(batch, &masks_);
    loss.backward();
    optimizer_.step();
    return loss.value();
  }
  Tensor evaluate(const TextBatch& batch) const {
    const NoGrad no_grad;
    return loss_of(batch, nullptr).value();
  }

 private:
  static optim::GroupOptions options(const Recipe& recipe) {
    optim::GroupOptions options;
    options.codec = recipe.codec;
    options.hyper = optim::default_hyper("adam");
    options.hyper->lr = recipe.lr;
    return options;
  }
  Variable loss_of(const TextBatch& batch, Rng* masks) const {
    const auto rows = static_cast<int64_t>(batch.labels.size());
    return binary_cross_entropy(model_.forward(batch.packed(device_), masks),
                                Tensor::from(batch.labels, {rows, 1}, device_));
  }

  Device device_;
  LstmClassifier model_;
  optim::Optimizer optimizer_;
  Rng masks_ = Rng(5);
};

}  // namespace octet::testing
