// Train/validation splits.
#pragma once

#include <cstdint>
#include <span>
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

// A random split that keeps the shares of the classes: that of scikit-learn 1.9's
// train_test_split(rows, test_size=validation_share, random_state=seed, stratify=labels), row for row and in
// its order. ceil(share * rows) rows are for validation. How many of each class go where follows the
// proportions, rounded down; who gets the rest is decided by the largest remainders, equal ones by lot.
// Errors: a share outside (0, 1) or a seed beyond 32 bits (Usage); a class with a single row, or fewer rows
// on one side than there are classes (Data).
Split stratified_split(std::span<const int32_t> labels, double validation_share, uint64_t seed);

}  // namespace octet
