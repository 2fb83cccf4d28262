#include "cuda/optim/step.cuh"

namespace octet::cuda {
template void step_rule<optim::Muon>(const Context&, const StepPlan&, const StepPlan&, const StepControl*);
template void step_rule<optim::MuonStep>(const Context&, const StepPlan&, const StepPlan&,
                                         const StepControl*);
}  // namespace octet::cuda
