// What the suites of layers begin with: parameters and inputs in float64.
#pragma once

#include <vector>

#include "nn/init.h"

namespace octet::testing {

inline const Init kInit = {Rng(1), Device::cpu(), DType::F64};

// Uniform in [-1, 1).
inline Tensor random(const Shape& shape, uint64_t seed = 5) {
  Rng rng(seed);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = 2 * rng.uniform() - 1;
  return Tensor::from(values, shape);
}

}  // namespace octet::testing
