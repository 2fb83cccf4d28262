#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "datasets/csv.h"
#include "datasets/numpy_random.h"
#include "datasets/split.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

using Rows = std::vector<int32_t>;

}  // namespace

TEST_CASE("NumpyRandom draws what numpy.random.RandomState draws") {  // NumPy 2.4.6
  CHECK(NumpyRandom(42).permutation(10) == Rows{8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
  CHECK(NumpyRandom(0).permutation(10) == Rows{2, 8, 4, 9, 1, 6, 7, 3, 0, 5});
  CHECK(NumpyRandom(UINT32_MAX).permutation(6) == Rows{1, 4, 5, 0, 2, 3});
  CHECK(NumpyRandom(1).permutation(1) == Rows{0});
  CHECK(NumpyRandom(1).permutation(0).empty());
}

TEST_CASE("the SMILE split is the golden one, row for row") {
  const std::string bytes = read_file(NEED_GOLDEN("smile_split.csv"));
  CsvReader rows(bytes, "smile_split.csv", {.columns = 4});
  rows.next();
  Rows labels;
  std::vector<std::string> parts;
  while (rows.next()) {
    labels.push_back(std::stoi(std::string(rows.fields()[2])));
    parts.emplace_back(rows.fields()[3]);
  }
  REQUIRE(labels.size() == 1481);
  const Split split = stratified_split(labels, 0.15, 42);
  CHECK(split.train.size() == 1258);
  CHECK(split.validation.size() == 223);
  for (const int32_t row : split.train) CHECK(parts[static_cast<size_t>(row)] == "train");
  for (const int32_t row : split.validation) CHECK(parts[static_cast<size_t>(row)] == "validation");
}

TEST_CASE("stratified splits are scikit-learn's in content and order, ties drawn by lot included") {
  const std::string lines = read_file(OCTET_SOURCE_DIR "/tests/datasets/stratified_split_golden.jsonl");
  int64_t cases = 0;
  for (size_t at = 0, end; at < lines.size(); at = end + 1, ++cases) {
    end = lines.find('\n', at);
    const auto c = nlohmann::json::parse(lines.substr(at, end - at));
    INFO(c.dump());
    const Split split = stratified_split(c["labels"].get<Rows>(), c["share"], c["seed"]);
    CHECK(split.train == c["train"].get<Rows>());
    CHECK(split.validation == c["validation"].get<Rows>());
  }
  CHECK(cases > 30);
}

TEST_CASE("a quarter of 50,000 balanced rows is 12,500, half of them of each class") {
  Rows labels(50'000);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % 2);
  const Split split = stratified_split(labels, 0.25, 2021);
  CHECK(split.train.size() == 37'500);
  CHECK(split.validation.size() == 12'500);
  const auto positive = [&](const Rows& rows) {
    return std::count_if(rows.begin(), rows.end(),
                         [&](int32_t row) { return labels[static_cast<size_t>(row)] == 1; });
  };
  CHECK(positive(split.train) == 18'750);
  CHECK(positive(split.validation) == 6'250);
  Rows all = split.train;
  all.insert(all.end(), split.validation.begin(), split.validation.end());
  std::sort(all.begin(), all.end());
  Rows expected(labels.size());
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(all == expected);
  CHECK(stratified_split(labels, 0.25, 2022).train != split.train);
}

TEST_CASE("labels that cannot be split by class are refused") {
  CHECK_ERROR(ErrorKind::Data, "label 1 has a single row", stratified_split(Rows{0, 0, 1}, 0.5, 1));
  CHECK_ERROR(ErrorKind::Data, "4 rows are too few; 3 for training and 1 for validation",
              stratified_split(Rows{0, 0, 1, 1}, 0.1, 1));
  CHECK_ERROR(ErrorKind::Data, "no rows", stratified_split(Rows{}, 0.5, 1));
  CHECK_ERROR(ErrorKind::Usage, "negative label", stratified_split(Rows{0, -1}, 0.5, 1));
  CHECK_ERROR(ErrorKind::Usage, "seed 4294967296 is not in 0 to 4294967295",
              stratified_split(Rows{0, 0, 1, 1}, 0.5, uint64_t{1} << 32));
  for (const double share : {0.0, 1.0, -0.5, 2.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_ERROR(ErrorKind::Usage, "must lie between 0 and 1", stratified_split(Rows{0, 0, 1, 1}, share, 1));
}
