// The step kernels by rule: each rule is compiled in a file of its own.
#pragma once

#include "cuda/context.h"
#include "optim/step.h"

namespace octet::cuda {

// One launch that updates all tensors of a plan, whose rule this is, and of `rest`: nothing, or where the
// plan's codec has an absmax a second plan of this rule, with fp32 state.
template <class Rule>
void step_rule(const Context& c, const optim::StepPlan& plan, const optim::StepPlan& rest,
               const optim::StepControl* control);

// Functions of optim::StepTable.
void measure(Device device, const optim::StepPlan* plans, int plan_count, double max_norm,
             optim::OnNonFinite policy, double* partial, optim::StepControl* control);
void encode(Device device, int codec, optim::Book book, const optim::Encoding& how, int block_size,
            const void* values, int64_t count, void* stored, float* absmax);
void decode(Device device, int codec, optim::Book book, int block_size, const void* stored,
            const float* absmax, int64_t count, void* values);

}  // namespace octet::cuda
