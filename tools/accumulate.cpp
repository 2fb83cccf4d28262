#include "tools/accumulate.h"

#include "autograd/functions.h"
#include "core/backend.h"

namespace octet::tools {

int64_t rows_in(std::span<const Batch> batches) {
  int64_t rows = 0;
  for (const Batch& batch : batches) rows += static_cast<int64_t>(batch.rows.size());
  return rows;
}

namespace {

// What a batch counts for.
double weight_of(const Batch& batch, const EncodedTexts& texts, const ModelForm& form) {
  if (form.class_weights.empty()) return static_cast<double>(batch.rows.size());
  double sum = 0;
  for (const int32_t row : batch.rows)
    sum += form.class_weights[static_cast<size_t>(texts.labels[static_cast<size_t>(row)])];
  return sum;
}

}  // namespace

Tensor accumulate_gradients(const TextClassifier& model, const EncodedTexts& texts, const ModelForm& form,
                            std::span<const Batch> batches, Rng* masks, Device device) {
  double all = 0;
  for (const Batch& batch : batches) all += weight_of(batch, texts, form);
  Tensor sum;
  model.zero_grad();
  for (const Batch& batch : batches) {
    const ModelBatch input = model_batch(texts, batch.rows, form, device);
    Variable loss;
    {
      const ProfileRange forward(device, "forward");
      loss = batch_loss(model.forward(input.texts, masks), input, form);
      if (batches.size() > 1) loss = affine(loss, weight_of(batch, texts, form) / all);
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
