// What the suites of layers begin with, parameters and inputs in float64, and how they compare results.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/variable.h"
#include "nn/init.h"
#include "tests/support/support.h"

namespace octet::testing {

inline const Init kInit = {Rng(1), Device::cpu(), DType::F64};

// Uniform in [-1, 1).
inline Tensor random(const Shape& shape, uint64_t seed = 5) {
  Rng rng(seed);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = 2 * rng.uniform() - 1;
  return Tensor::from(values, shape);
}

inline std::vector<double> values_of(const Variable& x) { return x.value().to_vector<double>(); }

inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace octet::testing
