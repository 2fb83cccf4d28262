#include "tools/evaluate.h"

#include <cmath>

#include "autograd/functions.h"
#include "core/backend.h"
#include "datasets/batches.h"
#include "tools/collected.h"

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
                    Device device, size_t first_batch) {
  const NoGrad no_grad;
  const ProfileRange range(device, "evaluate");
  const std::vector<Batch> batches = sorted_batches(lengths_of(texts.sequences), batch_size);
  Collected logits(texts.rows(), device), losses(static_cast<int64_t>(batches.size()), device);
  for (size_t i = first_batch; i < batches.size(); ++i) {
    const ModelBatch input = model_batch(texts, batches[i].rows, device);
    const Variable output = model.forward(input.texts, nullptr);
    losses.add(binary_cross_entropy(output, input.targets).value());
    logits.add(output.value());
  }

  Evaluation result;
  result.probability.resize(static_cast<size_t>(texts.rows()));
  for (const float loss : losses.take()) result.loss += loss;
  result.loss /= static_cast<double>(batches.size() - first_batch);
  const std::vector<float> values = logits.take();
  int64_t right = 0;
  for (size_t i = first_batch, at = 0; i < batches.size(); ++i)
    for (const int32_t number : batches[i].rows) {
      const auto row = static_cast<size_t>(number);
      const double probability = 1 / (1 + std::exp(-double{values[at++]}));
      right += (probability > 0.5) == (texts.labels[row] == 1);
      result.probability[row] = probability;
    }
  result.accuracy = static_cast<double>(right) / static_cast<double>(values.size());
  return result;
}

}  // namespace octet::tools
