#include "optim/made_state.h"

#include <cmath>

#include "core/rng.h"

namespace octet::optim {
namespace {

double normal(Rng& rng) { return rng.normal_pair().first; }

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
