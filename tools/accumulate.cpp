#include "tools/accumulate.h"

#include "autograd/functions.h"
#include "core/backend.h"
#include "tools/evaluate.h"

namespace octet::tools {

int64_t rows_in(std::span<const Batch> batches) {
  int64_t rows = 0;
  for (const Batch& batch : batches) rows += static_cast<int64_t>(batch.rows.size());
  return rows;
}

Tensor accumulate_gradients(const LstmClassifier& model, const LabelledTexts& texts,
                            std::span<const Batch> batches, Rng* masks, Device device) {
  const auto rows = static_cast<double>(rows_in(batches));
  Tensor sum;
  model.zero_grad();
  for (const Batch& batch : batches) {
    const ModelBatch input = model_batch(texts, batch.rows, device);
    Variable loss;
    {
      const ProfileRange forward(device, "forward");
      loss = binary_cross_entropy(model.forward(input.texts, masks), input.targets);
      if (batches.size() > 1) loss = affine(loss, static_cast<double>(batch.rows.size()) / rows);
    }
    {
      const ProfileRange backward(device, "backward");
      loss.backward();
    }
    if (sum.defined()) {
      kernels(sum).pointwise.accumulate(loss.value(), sum);
    } else {
      sum = loss.value();
    }
  }
  return sum;
}

}  // namespace octet::tools
