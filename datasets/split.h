// Train/validation splits.
#pragma once

#include <cstdint>
#include <vector>

namespace octet {

inline constexpr uint64_t kSplitSeed = 2021;  // that of the original SMS experiment

struct Split {
  std::vector<int32_t> train, validation;  // rows, in the order drawn
};

// A random split: with the defaults the one of the original experiment, drawn as torchtext 0.9's
// dataset.split(0.75, random_state=...) does after random.seed(seed) - random.sample(range(rows), rows), of
// which the first round(fraction * rows) (halves to even) are for training. Other seeds go the same way.
// Errors: a fraction outside (0, 1), NaN included (Usage); too few rows for one on each side (Data).
Split split_rows(int64_t rows, uint64_t seed = kSplitSeed, double train_fraction = 0.75);

}  // namespace octet
