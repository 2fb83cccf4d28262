#include "cuda/optim/step.cuh"

namespace octet::cuda {
template void step_rule<optim::Lars>(const Context&, const StepPlan&, const StepPlan&, const StepControl*);
}
