#include "cuda/optim/steps.h"

#include <utility>

#include "core/error.h"
#include "cuda/check.h"
#include "cuda/kernels.h"
#include "optim/registry.h"
#include "optim/state_layout.h"

namespace octet::cuda {
namespace {

// Whether one launch can take both: a plan of a codec with absmax or of bf16 weights, and the tensors that
// are too small for it.
bool fit(const optim::StepPlan& plan, const optim::StepPlan& rest) {
  return plan.rule == rest.rule && !plan.matrices && !rest.matrices &&
         (optim::codec_at(plan.codec).has_absmax() || plan.bf16_weights) &&
         optim::codec_at(rest.codec).name == optim::Fp32::name && !rest.bf16_weights;
}

void step(Device device, const optim::StepPlan* plans, int plan_count, const optim::StepControl* control) {
  const Op op("optim.step");
  const Context& c = context(device);
  static constexpr optim::StepPlan kNothing{};
  for (int i = 0; i < plan_count; ++i) {
    const optim::StepPlan *plan = &plans[i], *rest = &kNothing;
    if (i + 1 < plan_count && (fit(plans[i], plans[i + 1]) || fit(plans[i + 1], plans[i]))) {
      rest = &plans[++i];
      if (fit(*rest, *plan)) std::swap(plan, rest);
    }
    if (plan->block_count + rest->block_count == 0) continue;
    for (const optim::StepPlan* p : {plan, rest})
      require(map_entries(*p) == 0 || p->tensor_of, ErrorKind::Internal, "optimizer: a plan of ",
              p->tensor_count, " tensors without a map of its blocks");
    optim::Rules::for_each([&]<class Rule>(int place) {
      if (place == plan->rule) step_rule<Rule>(c, *plan, *rest, control);
    });
  }
}

}  // namespace

const optim::StepTable& steps() {
  static constexpr optim::StepTable table{
      .measure = measure, .step = step, .average = average, .encode = encode, .decode = decode};
  return table;
}

}  // namespace octet::cuda
