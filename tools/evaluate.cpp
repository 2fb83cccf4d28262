#include "tools/evaluate.h"

#include <algorithm>
#include <cmath>

#include "autograd/functions.h"
#include "core/backend.h"
#include "core/error.h"
#include "datasets/batches.h"
#include "tools/collected.h"

namespace octet::tools {
namespace {

// Probabilities [classes] from a row's logits.
void probabilities(const float* logits, const ModelForm& form, double* out) {
  if (form.one_logit()) {
    out[1] = 1 / (1 + std::exp(-double{logits[0]}));
    out[0] = 1 - out[1];
    return;
  }
  const double largest = *std::max_element(logits, logits + form.classes);
  double sum = 0;
  for (int64_t i = 0; i < form.classes; ++i) sum += out[i] = std::exp(logits[i] - largest);
  for (int64_t i = 0; i < form.classes; ++i) out[i] /= sum;
}

}  // namespace

ModelForm ModelForm::of(const TrainConfig& config, int64_t classes) {
  require(config.padding != "left" || config.max_length > 0, ErrorKind::Usage,
          "--padding left fills texts up to --max-length, which is not given");
  return {
      .classes = classes, .pad_to = config.padding == "left" ? config.max_length : 0, .class_weights = {}};
}

ModelBatch model_batch(const EncodedTexts& texts, const std::vector<int32_t>& rows, const ModelForm& form,
                       Device device) {
  const auto count = static_cast<int64_t>(rows.size());
  std::vector<std::span<const int32_t>> sequences;
  std::vector<int32_t> labels;
  for (const int32_t row : rows) {
    sequences.emplace_back(texts.sequences[static_cast<size_t>(row)]);
    labels.push_back(texts.labels[static_cast<size_t>(row)]);
  }
  ModelBatch batch;
  batch.texts =
      form.pad_to > 0 ? pad_ids_left(sequences, form.pad_to, 0, device) : pack_ids(sequences, device);
  batch.targets = form.one_logit()
                      ? Tensor::from(std::vector<float>(labels.begin(), labels.end()), {count, 1}, device)
                      : Tensor::from(labels, {count}, device);
  if (!form.class_weights.empty()) {
    std::vector<float> weights;
    for (const int32_t label : labels) weights.push_back(form.class_weights[static_cast<size_t>(label)]);
    batch.weights = Tensor::from(weights, {count}, device);
  }
  return batch;
}

Variable batch_loss(const Variable& logits, const ModelBatch& batch, const ModelForm& form) {
  return form.one_logit() ? binary_cross_entropy(logits, batch.targets, batch.weights)
                          : cross_entropy(logits, batch.targets, batch.weights);
}

int32_t Evaluation::answer(size_t row) const {
  const auto first = probability.begin() + static_cast<std::ptrdiff_t>(row) * classes;
  // Of two, the first needs more than half, as a logit of 0 says.
  return static_cast<int32_t>(std::max_element(first, first + classes) - first);
}
double Evaluation::certainty(size_t row) const {
  return probability[row * static_cast<size_t>(classes) + static_cast<size_t>(answer(row))];
}
std::vector<int32_t> Evaluation::answers() const {
  std::vector<int32_t> out;
  for (size_t row = 0; row * static_cast<size_t>(classes) < probability.size(); ++row)
    out.push_back(answer(row));
  return out;
}

Evaluation evaluate(const TextClassifier& model, const EncodedTexts& texts, const ModelForm& form,
                    int64_t batch_size, Device device, size_t first_batch) {
  const NoGrad no_grad;
  const ProfileRange range(device, "evaluate");
  ModelForm alike = form;  // weights are for training
  alike.class_weights.clear();
  const std::vector<Batch> batches = sorted_batches(lengths_of(texts.sequences), batch_size);
  const auto logits_of_row = static_cast<size_t>(form.one_logit() ? 1 : form.classes);
  Collected logits(texts.rows() * static_cast<int64_t>(logits_of_row), device),
      losses(static_cast<int64_t>(batches.size()), device);
  for (size_t i = first_batch; i < batches.size(); ++i) {
    const ModelBatch input = model_batch(texts, batches[i].rows, alike, device);
    const Variable output = model.forward(input.texts, nullptr);
    losses.add(batch_loss(output, input, alike).value());
    logits.add(output.value());
  }

  Evaluation result;
  result.classes = form.classes;
  result.probability.resize(static_cast<size_t>(texts.rows() * form.classes));
  for (const float loss : losses.take()) result.loss += loss;
  result.loss /= static_cast<double>(batches.size() - first_batch);
  const std::vector<float> values = logits.take();
  int64_t right = 0, rows = 0;
  for (size_t i = first_batch; i < batches.size(); ++i)
    for (const int32_t number : batches[i].rows) {
      const auto row = static_cast<size_t>(number);
      probabilities(values.data() + static_cast<size_t>(rows++) * logits_of_row, form,
                    result.probability.data() + row * static_cast<size_t>(form.classes));
      right += result.answer(row) == texts.labels[row];
    }
  result.accuracy = static_cast<double>(right) / static_cast<double>(rows);
  return result;
}

}  // namespace octet::tools
