// The matrices of an optimizer whose directions are made orthogonal.
#include <algorithm>

#include "optim/optimizer.h"

namespace octet::optim {

void Optimizer::build_matrices() {
  int64_t bytes = 0;
  for (const Batch& batch : batches_)
    if (batch.layout.orthogonal) {
      const Tensor& weight = batch.parameters[0].variable.value();
      bytes = std::max(bytes, NewtonSchulz::scratch_bytes(weight.shape(), computed_as(weight.dtype())));
    }
  products_ = Tensor::zeros({bytes}, DType::U8, device_, MemoryTag::Workspace);
  for (const Batch& batch : batches_)
    if (batch.layout.orthogonal) {
      const Tensor& weight = batch.parameters[0].variable.value();
      matrices_.push_back({.products = NewtonSchulz(products_, weight.shape(), computed_as(weight.dtype())),
                           .scale = Muon::scale(weight.size(0), weight.size(1)),
                           .apply = {}});
    }
}

// One for the direction, whose "weight" is scratch, and one that applies it, whose "state" is that scratch.
void Optimizer::add_matrix_rows(Batch& batch, const Matrix& matrix) {
  StepTensor &direction = batch.table[0], applied = direction;
  direction.weight = matrix.products.matrix();
  applied.state[0] = matrix.products.matrix();
  applied.absmax[0] = nullptr;
  batch.table.push_back(applied);
}

// `plan`: of the direction. The constants are the same.
StepPlan Optimizer::applying(const StepPlan& plan, const Tensor& weight) {
  StepPlan out{};
  const StateLayout layout{.rule = rule_at(plan.rule).applied_by,
                           .codec = full_precision_codec(weight.dtype()),
                           .matrix = false,
                           .orthogonal = false,
                           .decays = true,
                           .bf16_weights = weight.dtype() == DType::BF16,
                           .block_size = kPlainBlock,
                           .slots = {}};
  count_in(out, layout, weight.shape());
  out.tensors = plan.tensors + 1;
  out.update = plan.update;
  out.seed = plan.seed;
  out.weight_rounding = plan.weight_rounding;
  return out;
}

}  // namespace octet::optim
