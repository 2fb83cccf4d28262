// Labels as they are written, to ids.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace octet {

// The different labels, sorted by number if all are numbers, else by code point.
std::vector<std::string> sorted_labels(std::span<const std::string> labels);

// The same, if a classifier can be trained on them; `column` stands in messages, as does where(row),
// "reviews.csv, line 12". Adds a note for labels that differ in case alone, or that are the same number.
// Errors (Data): one class only, more different labels than half the rows, a class with one row.
std::vector<std::string> trainable_labels(std::span<const std::string> labels, const std::string& column,
                                          const std::function<std::string(size_t row)>& where,
                                          std::vector<std::string>& notes);

// Positions in `names`. Errors (Data): a label that is none of them.
std::vector<int32_t> label_ids(std::span<const std::string> labels, std::span<const std::string> names,
                               const std::function<std::string(size_t row)>& where);

// Weights that give every class the same sum: rows / (classes * rows of the class), scikit-learn's
// "balanced". labels in [0, classes). Errors (Data): a class without rows.
std::vector<double> balanced_weights(std::span<const int32_t> labels, int64_t classes);

}  // namespace octet
