// Running a classifier over texts without training it.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/models/lstm_classifier.h"
#include "tools/text_data.h"

namespace octet::tools {

// The rows of a batch as the model takes them, with their labels as targets of the loss.
struct ModelBatch {
  PackedIds texts;
  Tensor targets;  // [rows, 1], 0 or 1, of the model's type
};
ModelBatch model_batch(const LabelledTexts& texts, const std::vector<int32_t>& rows, Device device);

struct Evaluation {
  double loss = 0;                  // mean of the batches' means, as the experiment counts it
  double accuracy = 0;              // share of right answers
  std::vector<double> probability;  // [rows] of label 1, in the order of the texts
};

// In batches of `batch_size`, shortest texts first. The device is waited for once, at the end. `first_batch`:
// the batches before it are left out, for a look at the memory that the longest ones take.
Evaluation evaluate(const LstmClassifier& model, const LabelledTexts& texts, int64_t batch_size,
                    Device device, size_t first_batch = 0);

}  // namespace octet::tools
