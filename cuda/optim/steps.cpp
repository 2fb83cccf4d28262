#include "cuda/optim/steps.h"

#include "cuda/check.h"
#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

void step(Device device, const optim::StepPlan* plans, int plan_count, const optim::StepControl* control) {
  const Op op("optim.step");
  const Context& c = context(device);
  for (int i = 0; i < plan_count; ++i)
    optim::Rules::for_each([&]<class Rule>(int place) {
      if (place == plans[i].rule && plans[i].block_count > 0) step_rule<Rule>(c, plans[i], control);
    });
}

}  // namespace

const optim::StepTable& steps() {
  static constexpr optim::StepTable table{
      .measure = measure, .step = step, .average = average, .encode = encode, .decode = decode};
  return table;
}

}  // namespace octet::cuda
