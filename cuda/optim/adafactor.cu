#include "cuda/optim/matrix.cuh"
#include "cuda/optim/step.cuh"

namespace octet::cuda {
template void step_rule<optim::Adafactor>(const Context&, const StepPlan&, const StepPlan&,
                                          const StepControl*);
template void step_matrices<optim::Adafactor>(const Context&, const StepPlan&, const StepControl*);
}  // namespace octet::cuda
