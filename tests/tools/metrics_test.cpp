#include "tools/metrics.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "datasets/label_table.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::tools;
using octet::testing::read_file;

namespace {

using Ids = std::vector<int32_t>;

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(std::string(OCTET_SOURCE_DIR) + "/tests/tools/metrics_golden.json"));
}

doctest::Approx approx(const nlohmann::json& value) {
  return doctest::Approx(value.get<double>()).epsilon(1e-14);
}

}  // namespace

TEST_CASE("metrics are scikit-learn's") {
  int cases = 0;
  const nlohmann::json all = golden();
  for (const auto& c : all["cases"]) {
    CAPTURE(c["name"].get<std::string>());
    const auto m = classification_metrics(c["labels"].get<Ids>(), c["predictions"].get<Ids>(), c["classes"]);
    for (int64_t i = 0; i < m.classes; ++i) {
      const ClassMetrics& one = m.per_class[static_cast<size_t>(i)];
      CHECK(one.precision == approx(c["precision"][i]));
      CHECK(one.recall == approx(c["recall"][i]));
      CHECK(one.f1 == approx(c["f1"][i]));
      CHECK(one.support == c["support"][i]);
      for (int64_t j = 0; j < m.classes; ++j) CHECK(m.count(i, j) == c["confusion"][i][j]);
    }
    CHECK(m.accuracy == approx(c["accuracy"]));
    CHECK(m.macro_f1 == approx(c["macro_f1"]));
    CHECK(m.weighted_f1 == approx(c["weighted_f1"]));
    ++cases;
  }
  CHECK(cases == 8);
}

TEST_CASE("balanced class weights are scikit-learn's") {
  int cases = 0;
  const nlohmann::json all = golden();
  for (const auto& c : all["cases"]) {
    const Ids labels = c["labels"].get<Ids>();
    if (c["balanced"].is_null()) {
      CHECK_ERROR(ErrorKind::Data, "balanced_weights: class 2 has no rows",
                  balanced_weights(labels, c["classes"]));
      continue;
    }
    ++cases;
    const std::vector<double> weights = balanced_weights(labels, c["classes"]);
    for (size_t i = 0; i < weights.size(); ++i) CHECK(weights[i] == approx(c["balanced"][i]));
  }
  CHECK(cases == 6);
}

TEST_CASE("always answering happy has a weighted F1 of 0.66561 on SMILE's validation rows") {
  Ids labels;
  for (int32_t c = 0; const int rows : {171, 32, 9, 1, 5, 5})
    labels.insert(labels.end(), static_cast<size_t>(rows), c++);
  const auto m = classification_metrics(labels, Ids(labels.size()), 6);
  CHECK(m.weighted_f1 == doctest::Approx(0.66561).epsilon(1e-5));
  CHECK(m.accuracy == 171.0 / 223);
}

TEST_CASE("metrics refuse lists that do not fit") {
  CHECK_ERROR(ErrorKind::Usage, "metrics: no rows or no classes", classification_metrics(Ids{}, Ids{}, 2));
  CHECK_ERROR(ErrorKind::Usage, "metrics: 2 labels and 1 predictions",
              classification_metrics(Ids{0, 1}, Ids{0}, 2));
  CHECK_ERROR(ErrorKind::Usage, "metrics: class 2 in row 1 is none of 0..1",
              classification_metrics(Ids{0, 1}, Ids{0, 2}, 2));
  CHECK_ERROR(ErrorKind::Usage, "metrics: class -1 in row 0", classification_metrics(Ids{-1}, Ids{0}, 2));
  const auto m = classification_metrics(Ids{0, 1}, Ids{0, 1}, 2);
  CHECK_ERROR(ErrorKind::Usage, "metrics: 1 names for 2 classes",
              class_text(m, std::vector<std::string>{"a"}));
}

TEST_CASE("the confusion matrix is a table, aligned whatever the names") {
  const std::vector<std::string> names = {"gut", "h\xC3\xA4sslich"};
  const auto m = classification_metrics(Ids{0, 0, 0, 1, 1}, Ids{0, 0, 1, 1, 0}, 2);
  CHECK(confusion_text(m, names) ==
        "label \\ predicted  gut  h\xC3\xA4sslich\n"
        "gut                  2         1\n"
        "h\xC3\xA4sslich             1         1\n");
  CHECK(class_text(m, names) ==
        "class     precision  recall      F1  rows\n"
        "gut          0.6667  0.6667  0.6667     3\n"
        "h\xC3\xA4sslich     0.5000  0.5000  0.5000     2\n");
}

TEST_CASE("of many classes the most frequent mistakes are listed") {
  std::vector<std::string> names;
  for (char c = 'a'; c < 'a' + 13; ++c) names.emplace_back(1, c);
  const auto m = classification_metrics(Ids{0, 1, 1, 2, 2, 2, 5}, Ids{0, 2, 2, 1, 1, 1, 4}, 13);
  CHECK(confusion_text(m, names) ==
        "label  predicted  rows\n"
        "c      b             3\n"
        "b      c             2\n"
        "f      e             1\n");
}
