// What a rule may know of a whole tensor before it updates the first weight.
//
// Most rules look at one weight at a time. The step of some has a factor for each tensor, that depends on all
// of it; their Update<T> has, beside the update itself,
//   T measured(T w, T g, state) const          or, where no state is needed, measured(T w, T g)
//   double factor(const TensorSums&) const
//   void operator()(T& w, T g, state, T factor) const
// and a pass before the step sums up the squares of the weights and of what measured() gives (its change of
// the state is forgotten). optim/survey.h tells how.
#pragma once

#include <cstdint>

namespace octet::optim {

struct TensorSums {
  double weight = 0;    // of w^2, before the step
  double measured = 0;  // of measured()^2
  int64_t count = 0;    // elements
};

}  // namespace octet::optim
