#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

struct MeanLoss {
  LossKernels::Forward run;
  LossKernels::Backward run_backward;
  LossTargets targets;
  Tensor logits = {};

  Tensor forward(const Tensor& x) {
    logits = x;
    Tensor loss = Tensor::like(x, Shape{}, MemoryTag::Activations);
    run(logits, targets, loss);
    return loss;
  }
  Tensor backward(const Tensor& dloss, const Wanted& wanted) const {
    Tensor dlogits = wanted.like(0, logits);
    run_backward(logits, targets, dloss, dlogits);
    return dlogits;
  }
};

void check_weights(const char* name, const Tensor& logits, int64_t rows, const Tensor& weights) {
  if (!weights.defined()) return;
  require(weights.shape() == Shape{rows} && weights.dtype() == logits.dtype() &&
              weights.device() == logits.device(),
          name, ": logits ", logits.shape(), " of ", logits.dtype(), " on ", logits.device(), " need ", rows,
          " weights of their type and device, got ", weights.shape(), " of ", weights.dtype(), " on ",
          weights.device());
}

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& labels, const Tensor& weights) {
  require(
      logits.shape().rank() == 2 && labels.shape() == Shape{logits.size(0)} && labels.dtype() == DType::I32,
      "cross_entropy: logits ", logits.shape(), " (rows, classes) need one i32 label a row, got ",
      labels.shape(), " of ", labels.dtype());
  require(logits.value().numel() > 0, "cross_entropy: no rows, or no classes, in ", logits.shape());
  check_weights("cross_entropy", logits.value(), logits.size(0), weights);
  const LossKernels& k = kernels(logits.value()).loss;
  return record(MeanLoss{k.cross_entropy, k.cross_entropy_backward, {labels, weights}}, logits);
}

Variable binary_cross_entropy(const Variable& logits, const Tensor& targets, const Tensor& weights) {
  require(targets.shape() == logits.shape() && targets.dtype() == logits.dtype(),
          "binary_cross_entropy: logits ", logits.shape(), " of ", logits.dtype(), " and targets ",
          targets.shape(), " of ", targets.dtype(), " differ");
  require(logits.value().numel() > 0, "binary_cross_entropy: no rows in ", logits.shape());
  check_weights("binary_cross_entropy", logits.value(), logits.value().numel(), weights);
  const LossKernels& k = kernels(logits.value()).loss;
  return record(MeanLoss{k.binary_cross_entropy, k.binary_cross_entropy_backward, {targets, weights}},
                logits);
}

}  // namespace octet
