// Gradient accumulation: the gradient of a large batch from smaller ones that fit into memory.
#pragma once

#include <span>

#include "core/rng.h"
#include "datasets/batches.h"
#include "nn/models/text_classifier.h"
#include "tools/evaluate.h"
#include "tools/text_data.h"

namespace octet::tools {

// Leaves in the model's parameters the gradients of the mean loss over all rows of the batches, one batch
// after another, and returns that loss, one f32: but for rounding and the draws of dropout as if they were
// one batch. Each batch counts by its rows and their weights, so they may be of different sizes. masks: the
// dropout's stream, or null.
Tensor accumulate_gradients(const TextClassifier& model, const EncodedTexts& texts, const ModelForm& form,
                            std::span<const Batch> batches, Rng* masks, Device device);

int64_t rows_in(std::span<const Batch> batches);

}  // namespace octet::tools
