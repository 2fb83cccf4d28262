// How far stored state is from what it stands for: errors of values, of steps, and codes in use. All sums
// are in double. `exact` and `stored` are the same elements, as a step would read them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "optim/hyper.h"
#include "optim/round_trip.h"

namespace octet::optim {

struct ValueError {
  double mean_abs = 0;   // mean |x - q|, over all elements
  double relative = 0;   // sum |x - q| / sum |x|; 0 where all x are 0
  double of_absmax = 0;  // mean |x - q| / max |x|, likewise
};
ValueError value_error(std::span<const float> exact, std::span<const float> stored);

// Mean |u - u'| / |u| over the elements with u != 0, where u = m / (sqrt(v) + eps) is the update of Adam by
// exact state and u' by stored state ("relative Adam error", Dettmers et al. 2022, table 6). The bias
// corrections are factors of both, if eps is that of Denominator.
struct AdamError {
  double mean = 0;
  int64_t count = 0;  // of elements whose first moment is not 0, which alone count
};
AdamError adam_error(std::span<const float> m, std::span<const float> v, std::span<const float> stored_m,
                     std::span<const float> stored_v, double eps);

// What a rule divides its update by: sqrt(slot) + eps, with the bias correction moved into eps.
struct Denominator {
  int slot = -1;     // place in the rule's slots; -1: it divides by none, or by more than a slot (adafactor)
  double eps = 0;    // e.g. eps sqrt(1 - beta2^step)
  double decay = 0;  // of the running mean; 1: a sum
};
Denominator denominator(const RuleInfo& rule, const HyperParameters& hyper, int64_t step);

// How far a step without a new gradient goes by stored state, as a multiple of one by exact state:
// (sqrt(exact)
// + eps) / (sqrt(stored) + eps), of the elements that are alive: another slot of the rule is not 0, or, where
// it has no other, exact is not. `others` are those slots.
std::vector<double> step_size_ratio(std::span<const float> exact, std::span<const float> stored, double eps,
                                    std::span<const std::span<const float>> others);

// The value below which a share `p` of them lies, by linear interpolation; NaN of none. Reorders `values`.
double quantile(std::vector<double>& values, double p);

// Codes in use.
struct CodeUse {
  std::vector<int64_t> count;  // by code: 256, or 16
  int64_t used = 0;            // codes with an element
  int64_t zeros = 0;           // elements with the code of 0
  int64_t at_top = 0;          // elements with the largest magnitude
};
CodeUse code_use(const StoredSlot& slot);  // of a coded slot

// Elements that are not 0 but stored as 0.
int64_t vanished(std::span<const float> exact, std::span<const float> stored);

// What the spacing of codes says of the error of a stored value, when what it stands for is not known.
struct SpacingError {
  float expected = 0;  // mean |x - q|, if x is spread evenly over what is stored as q
  float bound = 0;     // the largest |x - q| possible
};
// Of every element of a coded slot. `dithered`: codes were chosen up or down by chance, so that twice as wide
// a range is stored as q.
std::vector<SpacingError> spacing_errors(const StoredSlot& slot, bool dithered);

// A block and its error, sum |x - q| / sum |x|.
struct BlockError {
  int64_t block = 0;  // elements from block * size on
  double absmax = 0;  // of the exact values
  double relative = 0;
};
// The `most` worst blocks of `size` elements, the worst first; blocks of zeros have no error.
std::vector<BlockError> worst_blocks(std::span<const float> exact, std::span<const float> stored,
                                     int64_t size, size_t most);

// Second moments of a run whose gradients stay as large as they are, so that exact ones would stay at
// `exact`: each step divides by v = decay q + (1 - decay) exact and stores v as q. Before the first step v is
// exact.
class SteadyState {
 public:
  SteadyState(const Storage& how, std::vector<float> exact, double decay);
  void step();
  std::span<const float> values() const { return values_; }  // v, that the last step divided by

 private:
  Storage how_;
  std::vector<float> exact_, values_;
  double decay_;
  int64_t steps_ = 0;
};

struct Mean {
  double mean = 0, standard_error = 0;  // sample deviation / sqrt(n); NaN of fewer than two
};
Mean mean_of(std::span<const double> values);

}  // namespace octet::optim
