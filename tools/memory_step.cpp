#include "tools/memory_step.h"

#include "tools/memory_pass.h"

namespace octet::tools {

MemoryStep::MemoryStep(MemoryPlan& plan, const TrainConfig& config, const Workload& work)
    : plan_(plan), config_(config), result_(result_config(config)), work_(work) {}

void MemoryStep::train(const BatchShape& batch) {
  MemoryPlan::Handle earlier;
  if (!batch.first)
    earlier = plan_.tensor("loss of the batches before", {}, DType::F32, MemoryTag::Activations);
  plan_.enter("forward");
  MemoryPass pass(plan_, config_, work_, batch, true);
  const MemoryPlan::Handle loss = pass.loss(pass.forward());
  plan_.enter("backward");
  pass.backward();
}

void MemoryStep::evaluate(const BatchShape& batch) {
  plan_.enter("validation");
  MemoryPass pass(plan_, result_, work_, batch, false);
  const MemoryPlan::Handle logits = pass.forward(), loss = pass.loss(logits);
}

}  // namespace octet::tools
