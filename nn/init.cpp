#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace octet {
namespace {

Tensor made(const std::vector<double>& values, const Shape& shape, const Init& init) {
  const Tensor host = Tensor::from(values, shape, Device::cpu(), MemoryTag::Workspace);
  const DType type = init.stored_as(shape);
  if (init.device.is_cpu()) return host.to(type, MemoryTag::Weights);
  return host.to(type, MemoryTag::Workspace).to(init.device, MemoryTag::Weights);
}

}  // namespace

Tensor uniform(const Shape& shape, double bound, const Init& init) {
  Rng rng = init.rng;
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = bound * (2 * rng.uniform() - 1);
  return made(values, shape, init);
}

Tensor normal(const Shape& shape, double mean, double deviation, const Init& init) {
  Rng rng = init.rng;
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); i += 2) {
    const auto [first, second] = rng.normal_pair();
    values[i] = mean + deviation * first;
    if (i + 1 < values.size()) values[i + 1] = mean + deviation * second;
  }
  return made(values, shape, init);
}

Tensor xavier_uniform(const Shape& shape, const Init& init) {
  require(shape.rank() == 2, "xavier_uniform: needs a matrix, got ", shape);
  const auto fans = static_cast<double>(std::max<int64_t>(1, shape[0] + shape[1]));
  return uniform(shape, std::sqrt(6 / fans), init);
}

Tensor constant(const Shape& shape, double value, const Init& init) {
  return Tensor::full(shape, value, init.stored_as(shape), init.device, MemoryTag::Weights);
}

}  // namespace octet
