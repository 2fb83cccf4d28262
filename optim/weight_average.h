// Exponential moving average of weights: average = decay average + (1 - decay) weights after every step, in
// f32, or f64 for weights of f64: bf16 would lose steps as small as its. The first step's weights are the
// first average, so the random start leaves no trace. Averages of the last steps often generalise better than
// the last step: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; in this
// form Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
//
//   Model model(..), averaged(..);  // of one shape
//   WeightAverage average(model.parameters(), averaged.parameters(), 0.999);
//   optimizer.step();
//   average.update(optimizer);      // then evaluate `averaged`
#pragma once

#include <vector>

#include "autograd/variable.h"
#include "core/tensor.h"
#include "optim/optimizer.h"
#include "optim/step.h"

namespace octet::optim {

class WeightAverage {
 public:
  // The averages start as copies of the weights, and live in the tensors of `averages`, in the order of
  // `weights`. Errors of kind Usage: a decay outside [0, 1), other names or shapes, another device, averages
  // that are not all f32 or, for weights of f64, all f64.
  WeightAverage(const std::vector<NamedParameter>& weights, const std::vector<NamedParameter>& averages,
                double decay);
  WeightAverage(WeightAverage&&) = default;
  WeightAverage& operator=(WeightAverage&&) = default;

  // After a step of the optimizer that has these weights. A step that was skipped, or stopped by a gradient
  // that was not finite, does not count. Queued on a GPU, like the step.
  void update(const Optimizer& optimizer);

 private:
  std::vector<Tensor> kept_;  // what the table points to
  std::vector<AverageTensor> table_;
  Tensor device_table_;  // the same bytes on a device other than the CPU
  AveragePlan plan_{};
  Device device_;
};

}  // namespace octet::optim
