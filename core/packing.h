// Sequences of different lengths laid one time step after another without padding, as PyTorch packs them:
// the rows alive at step 0, then those at step 1, and so on. Rows are sorted longest first, so the rows alive
// at a step are always the first ones.
//
// Sequences of one length may share their beginnings, as texts do that are padded on the left: where inputs
// and first state are the same, so is all that a recurrence makes of them. Then a step holds first one row
// for all sequences that are still in the shared beginning, and behind it a row for each that has left it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace octet {

struct Packing {
  std::vector<int64_t> lengths;      // [batch], longest first, each at least 1
  std::vector<int64_t> batch_sizes;  // [steps], packed rows of each step
  std::vector<int64_t> offsets;      // [steps + 1], first packed row of each step

  // Of a shared beginning; 0 and empty where there is none. Sequences keep the caller's order.
  int64_t shared = 0;           // its steps: the longest prefix
  std::vector<int64_t> prefix;  // [batch], steps that each sequence shares
  std::vector<int64_t> place;   // [batch], place of each sequence's rows among the own ones of a step; those
                                // that leave earlier come first

  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t steps() const { return static_cast<int64_t>(batch_sizes.size()); }
  int64_t total() const { return offsets.back(); }
  // Packed row of time step `step` of sequence `row`; several sequences have the same one in a shared
  // beginning.
  int64_t at(int64_t row, int64_t step) const {
    const int64_t first = offsets[static_cast<size_t>(step)];
    if (shared == 0) return first + row;
    const auto sequence = static_cast<size_t>(row);
    return step < prefix[sequence] ? first : own(step) + place[sequence];
  }
  // First packed row of a step that is no shared one.
  int64_t own(int64_t step) const { return offsets[static_cast<size_t>(step)] + (step < shared ? 1 : 0); }

  // Errors: no rows, a length below 1, lengths not sorted longest first.
  static std::shared_ptr<const Packing> of(std::vector<int64_t> lengths);
  // prefix.size() sequences of `length` steps; the first prefix[b] inputs of sequence b are also the first of
  // every other sequence that shares as many. At least the last step is a sequence's own.
  // Errors: no rows, a length below 1, a prefix that is not in 0..length - 1.
  static std::shared_ptr<const Packing> sharing(int64_t length, std::vector<int64_t> prefix);
};

using PackingPtr = std::shared_ptr<const Packing>;

}  // namespace octet
