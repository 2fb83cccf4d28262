#include "autograd/functions.h"
#include "autograd/graph.h"
#include "core/backend.h"

namespace octet {
namespace {

using LossForward = void (*)(const Tensor& logits, const Tensor& labels, const Tensor& loss);
using LossBackward = void (*)(const Tensor& logits, const Tensor& labels, const Tensor& dloss,
                              const Tensor& dlogits);

struct MeanLoss {
  LossForward run;
  LossBackward run_backward;
  Tensor labels;
  Tensor logits = {};

  Tensor forward(const Tensor& x) {
    logits = x;
    Tensor loss = Tensor::like(x, Shape{}, MemoryTag::Activations);
    run(logits, labels, loss);
    return loss;
  }
  Tensor backward(const Tensor& dloss, const Wanted& wanted) const {
    Tensor dlogits = wanted.like(0, logits);
    run_backward(logits, labels, dloss, dlogits);
    return dlogits;
  }
};

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& labels) {
  require(
      logits.shape().rank() == 2 && labels.shape() == Shape{logits.size(0)} && labels.dtype() == DType::I32,
      "cross_entropy: logits ", logits.shape(), " (rows, classes) need one i32 label a row, got ",
      labels.shape(), " of ", labels.dtype());
  require(logits.value().numel() > 0, "cross_entropy: no rows, or no classes, in ", logits.shape());
  const LossKernels& k = kernels(logits.value()).loss;
  return record(MeanLoss{k.cross_entropy, k.cross_entropy_backward, labels}, logits);
}

Variable binary_cross_entropy(const Variable& logits, const Tensor& targets) {
  require(targets.shape() == logits.shape() && targets.dtype() == logits.dtype(),
          "binary_cross_entropy: logits ", logits.shape(), " of ", logits.dtype(), " and targets ",
          targets.shape(), " of ", targets.dtype(), " differ");
  require(logits.value().numel() > 0, "binary_cross_entropy: no rows in ", logits.shape());
  const LossKernels& k = kernels(logits.value()).loss;
  return record(MeanLoss{k.binary_cross_entropy, k.binary_cross_entropy_backward, targets}, logits);
}

}  // namespace octet
