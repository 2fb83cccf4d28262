#include "tools/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "datasets/text_table.h"
#include "tools/table.h"

namespace octet::tools {
namespace {

double ratio(int64_t part, int64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string shown(const std::string& name) { return excerpt(name, 16); }

void check_names(const ClassificationMetrics& metrics, std::span<const std::string> names) {
  require(static_cast<int64_t>(names.size()) == metrics.classes, "metrics: ", names.size(), " names for ",
          metrics.classes, " classes");
}

std::string mistakes_text(const ClassificationMetrics& metrics, std::span<const std::string> names) {
  constexpr size_t kMost = 20;
  Table table({"label", "predicted", "rows"}, 2);
  for (const Mistake& m : frequent_mistakes(metrics, kMost))
    table.row({shown(names[static_cast<size_t>(m.label)]), shown(names[static_cast<size_t>(m.prediction)]),
               std::to_string(m.count)});
  return table.text();
}

}  // namespace

ClassificationMetrics classification_metrics(std::span<const int32_t> labels,
                                             std::span<const int32_t> predictions, int64_t classes) {
  require(classes > 0 && !labels.empty(), "metrics: no rows or no classes");
  require(labels.size() == predictions.size(), "metrics: ", labels.size(), " labels and ", predictions.size(),
          " predictions");
  std::vector<int64_t> confusion(static_cast<size_t>(classes * classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    for (const int32_t id : {labels[i], predictions[i]})
      require(id >= 0 && id < classes, "metrics: class ", id, " in row ", i, " is none of 0..", classes - 1);
    ++confusion[static_cast<size_t>(labels[i] * classes + predictions[i])];
  }
  return metrics_of_confusion(std::move(confusion), classes);
}

int64_t ClassificationMetrics::rows() const {
  return std::accumulate(confusion.begin(), confusion.end(), int64_t{0});
}

ClassificationMetrics metrics_of_confusion(std::vector<int64_t> confusion, int64_t classes) {
  ClassificationMetrics metrics;
  metrics.classes = classes;
  metrics.confusion = std::move(confusion);
  const auto rows = static_cast<double>(std::max<int64_t>(1, metrics.rows()));
  int64_t right = 0, seen = 0;
  for (int64_t c = 0; c < classes; ++c) {
    int64_t support = 0, predicted = 0;
    for (int64_t other = 0; other < classes; ++other) {
      support += metrics.count(c, other);
      predicted += metrics.count(other, c);
    }
    const int64_t hits = metrics.count(c, c);
    const double f1 = ratio(2 * hits, support + predicted);
    metrics.per_class.push_back({ratio(hits, predicted), ratio(hits, support), f1, support});
    right += hits;
    seen += support + predicted > 0;
    metrics.macro_f1 += f1;
    metrics.weighted_f1 += f1 * static_cast<double>(support) / rows;
  }
  metrics.accuracy = static_cast<double>(right) / rows;
  metrics.macro_f1 /= static_cast<double>(std::max<int64_t>(1, seen));
  return metrics;
}

nlohmann::ordered_json confusion_json(const ClassificationMetrics& metrics) {
  auto rows = nlohmann::ordered_json::array();
  for (int64_t label = 0; label < metrics.classes; ++label) {
    auto row = nlohmann::ordered_json::array();
    for (int64_t prediction = 0; prediction < metrics.classes; ++prediction)
      row.push_back(metrics.count(label, prediction));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Mistake> frequent_mistakes(const ClassificationMetrics& metrics, size_t most) {
  std::vector<Mistake> mistakes;
  for (int64_t label = 0; label < metrics.classes; ++label)
    for (int64_t prediction = 0; prediction < metrics.classes; ++prediction)
      if (label != prediction && metrics.count(label, prediction) > 0)
        mistakes.push_back({label, prediction, metrics.count(label, prediction)});
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.count > b.count; });
  mistakes.resize(std::min(mistakes.size(), most));
  return mistakes;
}

std::string class_text(const ClassificationMetrics& metrics, std::span<const std::string> names) {
  check_names(metrics, names);
  Table table({"class", "precision", "recall", "F1", "rows"}, 1);
  for (size_t i = 0; i < names.size(); ++i) {
    const ClassMetrics& c = metrics.per_class[i];
    table.row({shown(names[i]), fmt::format("{:.4f}", c.precision), fmt::format("{:.4f}", c.recall),
               fmt::format("{:.4f}", c.f1), std::to_string(c.support)});
  }
  return table.text();
}

std::string confusion_text(const ClassificationMetrics& metrics, std::span<const std::string> names,
                           int64_t widest, const std::string& corner) {
  check_names(metrics, names);
  if (metrics.classes > widest) return mistakes_text(metrics, names);
  std::vector<std::string> header = {corner};
  for (const std::string& name : names) header.push_back(shown(name));
  Table table(header, 1);
  for (int64_t label = 0; label < metrics.classes; ++label) {
    std::vector<std::string> row = {shown(names[static_cast<size_t>(label)])};
    for (int64_t prediction = 0; prediction < metrics.classes; ++prediction)
      row.push_back(std::to_string(metrics.count(label, prediction)));
    table.row(std::move(row));
  }
  return table.text();
}

}  // namespace octet::tools
