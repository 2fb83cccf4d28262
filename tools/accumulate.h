// Gradient accumulation: the gradient of a large batch from smaller ones that fit into memory.
#pragma once

#include <span>

#include "core/rng.h"
#include "datasets/batches.h"
#include "nn/models/lstm_classifier.h"
#include "tools/text_data.h"

namespace octet::tools {

// Leaves in the model's parameters the gradients of the mean loss over all rows of the batches, one batch
// after another, and returns that loss, one f32: but for rounding and the draws of dropout as if they were
// one batch. Each batch counts by its rows, so they may be of different sizes. masks: the dropout's stream,
// or null.
Tensor accumulate_gradients(const LstmClassifier& model, const LabelledTexts& texts,
                            std::span<const Batch> batches, Rng* masks, Device device);

int64_t rows_in(std::span<const Batch> batches);

}  // namespace octet::tools
