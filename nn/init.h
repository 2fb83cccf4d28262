// How parameters begin. Values are drawn on the host in float64 and then converted (to BF16: rounded to
// nearest), so that every device and every element type starts from the same numbers.
#pragma once

#include <string_view>

#include "core/rng.h"
#include "core/tensor.h"

namespace octet {

// The type that a parameter is stored in: BF16 instead of F32 where it has two axes or more and `bf16_from`
// elements or more (0: nowhere).
inline DType stored_as(const Shape& shape, DType dtype, int64_t bf16_from) {
  const bool narrow = bf16_from > 0 && shape.rank() >= 2 && shape.numel() >= bf16_from;
  return narrow && dtype == DType::F32 ? DType::BF16 : dtype;
}

// Where and of what type a module's parameters are made, and from which stream.
struct Init {
  Rng rng;
  Device device = Device::cpu();
  DType dtype = DType::F32;
  int64_t bf16_from = 0;  // matrices with so many elements are stored in BF16 instead of F32; 0: none

  // The same for a part: its stream depends on the part's name, not on the order in which parts are made.
  Init part(std::string_view name) const { return {rng.split(name), device, dtype, bf16_from}; }
  DType stored_as(const Shape& shape) const { return octet::stored_as(shape, dtype, bf16_from); }
};

Tensor uniform(const Shape& shape, double bound, const Init& init);  // in [-bound, bound)
Tensor normal(const Shape& shape, double mean, double deviation, const Init& init);
// In +-sqrt(6 / (rows + columns)) of a matrix. Glorot and Bengio, "Understanding the difficulty of training
// deep feedforward neural networks", 2010.
Tensor xavier_uniform(const Shape& shape, const Init& init);
Tensor constant(const Shape& shape, double value, const Init& init);

}  // namespace octet
