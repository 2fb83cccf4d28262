// What one batch brings into memory and takes out again: the forward and the backward pass of a model, tensor
// by tensor, in the order in which autograd makes and frees them.
#pragma once

#include "tools/config.h"
#include "tools/memory_plan.h"
#include "tools/model_shapes.h"
#include "tools/workload.h"

namespace octet::tools {

class MemoryStep {
 public:
  // All must outlive it.
  MemoryStep(MemoryPlan& plan, const TrainConfig& config, const Workload& work);

  // Both passes. Where it is not the first batch of its step, gradients of weights are made beside those that
  // are there already, and added.
  void train(const BatchShape& batch);
  // The forward pass alone, its answers added to what evaluation collects.
  void evaluate(const BatchShape& batch);

 private:
  MemoryPlan& plan_;
  const TrainConfig& config_;
  const TrainConfig result_;  // of the model that is evaluated
  const Workload& work_;
};

}  // namespace octet::tools
