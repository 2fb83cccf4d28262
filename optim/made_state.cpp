#include "optim/made_state.h"

#include <cmath>
#include <numbers>

#include "core/rng.h"

namespace octet::optim {
namespace {

// By Box and Muller's transform.
double normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  return radius * std::cos(2 * std::numbers::pi * rng.uniform());
}

}  // namespace

AdamState log_normal_state(const LogNormal& shape, uint64_t seed) {
  Rng rng = Rng(seed).split("log-normal state");
  AdamState out;
  for (int64_t row = 0; row < shape.rows; ++row) {
    const double of_row = std::log10(shape.median) + shape.row_decades * normal(rng);
    for (int64_t column = 0; column < shape.columns; ++column) {
      const double size = std::pow(10.0, of_row + shape.element_decades * normal(rng));
      out.m.push_back(static_cast<float>(shape.m_share * size * normal(rng)));
      out.v.push_back(static_cast<float>(size * size));
    }
  }
  return out;
}

}  // namespace octet::optim
