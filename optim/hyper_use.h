// Which hyper-parameters a rule makes use of.
#pragma once

#include <string_view>
#include <vector>

#include "optim/hyper.h"

namespace octet::optim {

// Those of `given` that are not the rule's defaults and change nothing in its steps, by their names in
// HyperParameters::visit: the constants of the steps (step.h) are the same with the default in their place.
// Errors: unknown rule.
std::vector<std::string_view> without_effect(const HyperParameters& given, std::string_view rule);

}  // namespace octet::optim
