#include "tools/evaluate.h"

#include <cmath>

#include "autograd/functions.h"
#include "datasets/batches.h"

namespace octet::tools {

ModelBatch model_batch(const LabelledTexts& texts, const std::vector<int32_t>& rows, Device device) {
  std::vector<std::span<const int32_t>> sequences;
  std::vector<float> targets;
  for (const int32_t row : rows) {
    sequences.emplace_back(texts.sequences[static_cast<size_t>(row)]);
    targets.push_back(static_cast<float>(texts.labels[static_cast<size_t>(row)]));
  }
  return {pack_ids(sequences, device), Tensor::from(targets, {static_cast<int64_t>(rows.size()), 1}, device)};
}

Evaluation evaluate(const LstmClassifier& model, const LabelledTexts& texts, int64_t batch_size,
                    Device device) {
  const NoGrad no_grad;
  Evaluation result;
  result.probability.resize(static_cast<size_t>(texts.rows()));
  const std::vector<Batch> batches = sorted_batches(lengths_of(texts.sequences), batch_size);
  int64_t right = 0;
  for (const Batch& batch : batches) {
    const ModelBatch input = model_batch(texts, batch.rows, device);
    const Variable logits = model.forward(input.texts, nullptr);
    result.loss += binary_cross_entropy(logits, input.targets).value().item();
    const std::vector<float> values = logits.value().to_vector<float>();
    for (size_t i = 0; i < batch.rows.size(); ++i) {
      const auto row = static_cast<size_t>(batch.rows[i]);
      const double probability = 1 / (1 + std::exp(-double{values[i]}));
      right += (probability > 0.5) == (texts.labels[row] == 1);
      result.probability[row] = probability;
    }
  }
  result.loss /= static_cast<double>(batches.size());
  result.accuracy = static_cast<double>(right) / static_cast<double>(texts.rows());
  return result;
}

}  // namespace octet::tools
