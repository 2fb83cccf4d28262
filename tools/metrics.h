// How good predicted classes are. Definitions and names are scikit-learn's (confusion_matrix,
// precision_recall_fscore_support with zero_division=0): a ratio without anything to count is 0, and a class
// that neither a label nor a prediction names has no part in the macro mean.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace octet::tools {

struct ClassMetrics {
  double precision = 0;  // right of those predicted as this class
  double recall = 0;     // right of those that are of this class
  double f1 = 0;         // harmonic mean of both
  int64_t support = 0;   // rows of this class
};

struct ClassificationMetrics {
  int64_t classes = 0;
  std::vector<int64_t> confusion;       // [classes, classes] rows: label, then prediction
  std::vector<ClassMetrics> per_class;  // [classes]
  double accuracy = 0;
  double macro_f1 = 0;     // mean over classes
  double weighted_f1 = 0;  // mean over rows: each class by its support

  int64_t count(int64_t label, int64_t prediction) const {
    return confusion[static_cast<size_t>(label * classes + prediction)];
  }
  int64_t rows() const;
};

// From the matrix alone; it may have no rows, and then all figures are 0.
ClassificationMetrics metrics_of_confusion(std::vector<int64_t> confusion, int64_t classes);
// As rows of counts: [[...], ...], by label and then prediction.
nlohmann::ordered_json confusion_json(const ClassificationMetrics& metrics);

// How often a class was taken for another.
struct Mistake {
  int64_t label, prediction, count;
};
// The most frequent first, `most` at most.
std::vector<Mistake> frequent_mistakes(const ClassificationMetrics& metrics, size_t most);

// labels, predictions [n] in [0, classes). Errors (Usage): no rows, lists of different lengths, a class
// outside.
ClassificationMetrics classification_metrics(std::span<const int32_t> labels,
                                             std::span<const int32_t> predictions, int64_t classes);

// For a terminal, aligned: a line for each class with precision, recall, F1 and rows.
std::string class_text(const ClassificationMetrics& metrics, std::span<const std::string> names);

// The confusion matrix, a line for each label and a column for each prediction. Beyond `widest` classes,
// which no terminal holds, the 20 most frequent mistakes instead.
std::string confusion_text(const ClassificationMetrics& metrics, std::span<const std::string> names,
                           int64_t widest = 12, const std::string& corner = "label \\ predicted");

}  // namespace octet::tools
