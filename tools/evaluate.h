// Running a classifier over texts without training it.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/models/text_classifier.h"
#include "tools/config.h"
#include "tools/text_data.h"

namespace octet::tools {

// How a model takes texts and what it answers.
struct ModelForm {
  int64_t classes = 2;               // two share one logit, more have one each
  int64_t pad_to = 0;                // ids that a text is filled up to on the left with id 0; 0: none
  std::vector<float> class_weights;  // [classes] of a row's loss in training; empty: all 1

  // Errors (Usage): texts are to be filled up to no length.
  static ModelForm of(const TrainConfig& config, int64_t classes);
  bool one_logit() const { return logits_of(classes) == 1; }
};

// The rows of a batch as the model takes them, with what its loss needs.
struct ModelBatch {
  PackedIds texts;
  Tensor targets;  // one logit: [rows, 1], 0 or 1, of the model's type; else [rows] i32
  Tensor weights;  // [rows], or undefined: all 1
};
ModelBatch model_batch(const EncodedTexts& texts, const std::vector<int32_t>& rows, const ModelForm& form,
                       Device device);
// Mean over the rows, by their weights.
Variable batch_loss(const Variable& logits, const ModelBatch& batch, const ModelForm& form);

struct Evaluation {
  double loss = 0;      // mean of the batches' means, as the experiments count it (see tools/README.md)
  double accuracy = 0;  // share of right answers
  int64_t classes = 0;
  std::vector<double> probability;  // [rows, classes], in the order of the texts

  int32_t answer(size_t row) const;      // the most probable class
  double certainty(size_t row) const;    // its probability
  std::vector<int32_t> answers() const;  // [rows]
};

// In batches of `batch_size`, shortest texts first, without class weights. The device is waited for once, at
// the end. `first_batch`: the batches before it are left out, for a look at the memory that the longest ones
// take.
Evaluation evaluate(const TextClassifier& model, const EncodedTexts& texts, const ModelForm& form,
                    int64_t batch_size, Device device, size_t first_batch = 0);

}  // namespace octet::tools
