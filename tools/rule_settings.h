// The hyper-parameters of a run's update rule.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "optim/hyper.h"
#include "optim/state_layout.h"
#include "tools/config.h"

namespace octet::tools {

optim::HyperParameters hyper_of(const TrainConfig& config);

// The same with how its state is stored.
optim::GroupOptions group_options(const TrainConfig& config);

// Errors (Usage): a pattern of --state-override or --no-decay that fits none of the parameters.
void check_patterns(const optim::GroupOptions& options, std::span<const optim::ParameterShape> parameters);

// "adam with blockwise8 state" ("with bf16 weights and ..."), and which parameters have another by an
// override or their layer: " but fp32 for embedding*".
std::string optimizer_text(const TrainConfig& config);

// Gives the config its rule's own defaults, but for learning rate and weight decay, which are the
// experiment's.
void take_rule_defaults(TrainConfig& config);

// A line for each of: settings that the rule does not look at, settings that the state's codec does not, and
// what is hardly meant (not of a resumed run): the default learning rate with a rule that needs a much larger
// one, adamw without weight decay, a warm-up beyond the run's `steps`, a percentile below 1.
std::vector<std::string> lines_about_settings(const TrainConfig& config, int64_t steps);

}  // namespace octet::tools
