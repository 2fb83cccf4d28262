// Sequences of different lengths laid one time step after another without padding, as PyTorch packs them:
// the rows alive at step 0, then those at step 1, and so on. Rows are sorted longest first, so the rows alive
// at a step are always the first ones.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace octet {

struct Packing {
  std::vector<int64_t> lengths;      // [batch], longest first, each at least 1
  std::vector<int64_t> batch_sizes;  // [steps], rows alive at each step
  std::vector<int64_t> offsets;      // [steps + 1], first packed row of each step
  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t steps() const { return static_cast<int64_t>(batch_sizes.size()); }
  int64_t total() const { return offsets.back(); }
  // Packed row of time step `step` of sequence `row`.
  int64_t at(int64_t row, int64_t step) const { return offsets[static_cast<size_t>(step)] + row; }

  // Errors: no rows, a length below 1, lengths not sorted longest first.
  static std::shared_ptr<const Packing> of(std::vector<int64_t> lengths);
};

using PackingPtr = std::shared_ptr<const Packing>;

}  // namespace octet
