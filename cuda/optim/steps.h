// The step kernels by rule: each rule is compiled in a file of its own.
#pragma once

#include "cuda/context.h"
#include "optim/step.h"

namespace octet::cuda {

// One launch that updates all tensors of a plan, whose rule this is, and of `rest`: nothing, or where the
// plan's codec has an absmax or its weights are bf16 a second plan of this rule, with fp32 state and weights.
template <class Rule>
void step_rule(const Context& c, const optim::StepPlan& plan, const optim::StepPlan& rest,
               const optim::StepControl* control);

// The passes of the rule's form for matrices.
template <class Rule>
void step_matrices(const Context& c, const optim::StepPlan& plan, const optim::StepControl* control);

// What follows for each tensor from the pieces of a survey: its factor; its new absmax for each slot; the
// mean of its row means.
void find_factors(const Context& c, const optim::StepPlan& plan, const optim::StepControl* control);
void find_absmax(const Context& c, const optim::StepPlan& plan, const optim::StepControl* control, int slots);
void find_mean_of_rows(const Context& c, const optim::StepPlan& plan, const optim::StepControl* control);

// Functions of optim::StepTable.
void measure(Device device, const optim::StepPlan* plans, int plan_count, const optim::NormClipping& clipping,
             optim::OnNonFinite policy, double* partial, optim::StepControl* control);
void average(Device device, const optim::AveragePlan& plan, const optim::StepControl* control);
void encode(Device device, int codec, optim::Book book, const optim::Encoding& how, int block_size,
            const void* values, int64_t count, void* stored, float* absmax);
void decode(Device device, int codec, optim::Book book, int block_size, const void* stored,
            const float* absmax, int64_t count, void* values);

}  // namespace octet::cuda
