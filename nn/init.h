// How parameters begin. Values are drawn on the host in float64 and then converted, so that every device and
// every element type starts from the same numbers.
#pragma once

#include <string_view>

#include "core/rng.h"
#include "core/tensor.h"

namespace octet {

// Where and of what type a module's parameters are made, and from which stream.
struct Init {
  Rng rng;
  Device device = Device::cpu();
  DType dtype = DType::F32;

  // The same for a part: its stream depends on the part's name, not on the order in which parts are made.
  Init part(std::string_view name) const { return {rng.split(name), device, dtype}; }
};

Tensor uniform(const Shape& shape, double bound, const Init& init);  // in [-bound, bound)
Tensor normal(const Shape& shape, double mean, double deviation, const Init& init);
// In +-sqrt(6 / (rows + columns)) of a matrix. Glorot and Bengio, "Understanding the difficulty of training
// deep feedforward neural networks", 2010.
Tensor xavier_uniform(const Shape& shape, const Init& init);
Tensor constant(const Shape& shape, double value, const Init& init);

}  // namespace octet
