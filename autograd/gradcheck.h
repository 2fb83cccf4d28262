// Gradients against central differences in float64.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace octet {

struct GradcheckOptions {
  double eps = 1e-6;   // half the distance of the two points of a difference
  double atol = 1e-5;  // largest absolute difference allowed, plus
  double rtol = 1e-3;  // this times the numeric gradient
};

// `function` maps leaves to a value of any shape, which is weighted with fixed random numbers and summed, so
// that errors cannot cancel. It must give the same value for the same leaves. Returns an empty text if every
// gradient agrees, else which element of which input is furthest off, with both numbers. Inputs must be f64.
std::string gradcheck(const std::function<Variable(const std::vector<Variable>&)>& function,
                      const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace octet
