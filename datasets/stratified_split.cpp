// Follows sklearn.model_selection.StratifiedShuffleSplit (scikit-learn 1.9) draw by draw: the numbers of rows
// by class for training, then for validation, then class by class a permutation of its rows, and at last one
// of each side.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "datasets/numpy_random.h"
#include "datasets/split.h"

namespace octet {
namespace {

// How many of `draws` rows come from each class if classes keep their proportions as well as whole numbers
// allow (scikit-learn's _approximate_mode, the mode of the multivariate hypergeometric distribution).
std::vector<int64_t> proportional(const std::vector<int64_t>& counts, int64_t draws, NumpyRandom& random) {
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  std::vector<int64_t> taken;
  std::vector<double> remainders;
  for (const int64_t count : counts) {
    const double exact = static_cast<double>(count) / all * static_cast<double>(draws);
    taken.push_back(static_cast<int64_t>(std::floor(exact)));
    remainders.push_back(exact - std::floor(exact));
  }
  int64_t missing = draws - std::accumulate(taken.begin(), taken.end(), int64_t{0});
  std::vector<double> values = remainders;
  std::sort(values.rbegin(), values.rend());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  for (const double value : values) {
    if (missing <= 0) break;
    std::vector<size_t> classes;
    for (size_t i = 0; i < remainders.size(); ++i)
      if (remainders[i] == value) classes.push_back(i);
    const auto now = std::min(static_cast<int64_t>(classes.size()), missing);
    const std::vector<int32_t> lots = random.permutation(static_cast<int32_t>(classes.size()));
    for (int64_t i = 0; i < now; ++i) ++taken[classes[static_cast<size_t>(lots[static_cast<size_t>(i)])]];
    missing -= now;
  }
  return taken;
}

// The rows of each class that has any, classes and rows in ascending order.
std::vector<std::vector<int32_t>> rows_by_class(std::span<const int32_t> labels) {
  const int32_t most = *std::max_element(labels.begin(), labels.end());
  std::vector<std::vector<int32_t>> classes(static_cast<size_t>(most) + 1);
  for (size_t row = 0; row < labels.size(); ++row)
    classes[static_cast<size_t>(labels[row])].push_back(static_cast<int32_t>(row));
  for (size_t label = 0; label < classes.size(); ++label)
    require(classes[label].size() != 1, ErrorKind::Data, "stratified split: label ", label,
            " has a single row; at least 2 are needed, one for each side");
  std::erase_if(classes, [](const auto& rows) { return rows.empty(); });
  return classes;
}

}  // namespace

Split stratified_split(std::span<const int32_t> labels, double validation_share, uint64_t seed) {
  require(validation_share > 0 && validation_share < 1, "split: the validation share is ", validation_share,
          ", it must lie between 0 and 1");
  require(seed <= UINT32_MAX, "stratified split: seed ", seed, " is not in 0 to ", UINT32_MAX);
  require(labels.size() <= std::numeric_limits<int32_t>::max(), ErrorKind::Data, "split: ", labels.size(),
          " rows are too many");
  require(!labels.empty(), ErrorKind::Data, "stratified split: no rows");
  require(*std::min_element(labels.begin(), labels.end()) >= 0, "stratified split: negative label");
  const auto classes = rows_by_class(labels);
  const auto rows = static_cast<int64_t>(labels.size()), kinds = static_cast<int64_t>(classes.size());
  const auto validation = static_cast<int64_t>(std::ceil(validation_share * static_cast<double>(rows)));
  require(validation >= kinds && rows - validation >= kinds, ErrorKind::Data, "stratified split: ", rows,
          " rows are too few; ", rows - validation, " for training and ", validation,
          " for validation cannot each hold all ", kinds, " classes");

  NumpyRandom random(static_cast<uint32_t>(seed));
  std::vector<int64_t> left;
  for (const auto& of_class : classes) left.push_back(static_cast<int64_t>(of_class.size()));
  const std::vector<int64_t> for_training = proportional(left, rows - validation, random);
  for (size_t i = 0; i < left.size(); ++i) left[i] -= for_training[i];
  const std::vector<int64_t> for_validation = proportional(left, validation, random);

  Split split;
  for (size_t i = 0; i < classes.size(); ++i) {
    const std::vector<int32_t> order = random.permutation(static_cast<int32_t>(classes[i].size()));
    for (int64_t k = 0; k < for_training[i] + for_validation[i]; ++k) {
      const int32_t row = classes[i][static_cast<size_t>(order[static_cast<size_t>(k)])];
      (k < for_training[i] ? split.train : split.validation).push_back(row);
    }
  }
  random.shuffle(split.train);
  random.shuffle(split.validation);
  return split;
}

}  // namespace octet
