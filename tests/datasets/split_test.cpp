#include "datasets/split.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "datasets/csv.h"
#include "datasets/python_random.h"
#include "datasets/sms.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

// Reference values of CPython 3.11: random.seed(seed), then random.getrandbits(32) three times; and
// random.seed(seed), then random.sample(range(12), 12).
TEST_CASE("PythonRandom draws what CPython draws, for seeds of one and of two digits") {
  struct Reference {
    uint64_t seed;
    std::vector<uint32_t> bits;
    std::vector<int32_t> sample;
  };
  const Reference references[] = {
      {0, {3626764237, 1654615998, 3255389356}, {6, 11, 0, 4, 7, 3, 2, 10, 5, 8, 9, 1}},
      {1, {577090037, 2444712010, 3639700191}, {2, 9, 1, 4, 10, 3, 6, 5, 8, 0, 11, 7}},
      {2021, {3592042239, 1736050280, 3686380748}, {6, 10, 8, 4, 3, 5, 0, 7, 9, 2, 11, 1}},
      {(uint64_t{1} << 40) + 5, {2166296868, 2220160828, 1153647273}, {8, 11, 4, 0, 10, 1, 7, 6, 9, 2, 5, 3}},
      {UINT64_MAX, {93740670, 1068495656, 1452108352}, {0, 3, 5, 10, 7, 4, 11, 2, 9, 6, 8, 1}},
  };
  for (const Reference& r : references) {
    PythonRandom random(r.seed);
    for (const uint32_t expected : r.bits) CHECK(random.bits(32) == expected);
    CHECK(PythonRandom(r.seed).permutation(12) == r.sample);
  }
}

TEST_CASE("PythonRandom's ranges and bits are CPython's") {  // after random.seed(2021)
  PythonRandom random(2021);
  for (const uint32_t expected : {6, 3, 6, 5, 4, 2, 1, 5, 0, 3, 3, 4}) CHECK(random.below(7) == expected);
  for (const uint32_t expected : {2, 10, 8, 9, 15}) CHECK(random.bits(5) == expected);
  CHECK_ERROR(ErrorKind::Usage, "33 is not in 1 to 32", random.bits(33));
  CHECK_ERROR(ErrorKind::Usage, "the range is empty", random.below(0));
}

TEST_CASE("permutations of small sets are CPython's samples of all") {  // random.seed(2021);
                                                                        // random.sample(range(n), n)
  CHECK(PythonRandom(2021).permutation(1) == std::vector<int32_t>{0});
  CHECK(PythonRandom(2021).permutation(2) == std::vector<int32_t>{1, 0});
  CHECK(PythonRandom(2021).permutation(5) == std::vector<int32_t>{3, 2, 0, 4, 1});
  CHECK(PythonRandom(2021).permutation(6) == std::vector<int32_t>{3, 4, 2, 0, 5, 1});
  CHECK(PythonRandom(2021).permutation(0).empty());
}

TEST_CASE("the default split of 5,574 rows is the golden one") {
  const std::string bytes = read_file(NEED_GOLDEN("sms_split.csv"));
  const Split split = split_rows(5574);
  CHECK(split.train.size() == 4180);
  CHECK(split.validation.size() == 1394);
  CsvReader rows(bytes, "sms_split.csv", {.columns = 3});
  REQUIRE(rows.next());
  size_t order = 0;
  while (rows.next()) {
    const bool train = order < split.train.size();
    const int32_t row = train ? split.train[order] : split.validation.at(order - split.train.size());
    const auto fields = rows.fields();
    CHECK(fields[0] == std::to_string(order));
    CHECK(fields[1] == std::to_string(row));
    CHECK(fields[2] == (train ? "train" : "validation"));
    ++order;
  }
  CHECK(order == 5574);
}

TEST_CASE("the golden split has 3,598 ham and 582 spam for training, 1,229 and 165 for validation") {
  const TextCorpus corpus = read_sms(NEED_DATA("sms_spam.csv"));
  const Split split = split_rows(corpus.rows());
  const auto spam = [&](const std::vector<int32_t>& rows) {
    return std::count_if(rows.begin(), rows.end(), [&](int32_t row) { return corpus.labels[row] == 1; });
  };
  CHECK(spam(split.train) == 582);
  CHECK(split.train.size() - 582 == 3598);
  CHECK(spam(split.validation) == 165);
  CHECK(split.validation.size() - 165 == 1229);
}

TEST_CASE("a split has every row once, rounds halves to even and depends on its seed") {
  for (const int64_t rows : {3, 4, 10, 22, 86, 1000}) {
    Split split = split_rows(rows, 5);
    std::vector<int32_t> all = split.train;
    all.insert(all.end(), split.validation.begin(), split.validation.end());
    std::sort(all.begin(), all.end());
    std::vector<int32_t> expected(rows);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(all == expected);
  }
  CHECK(split_rows(10).train.size() == 8);         // 7.5
  CHECK(split_rows(14).train.size() == 10);        // 10.5
  CHECK(split_rows(5, 1, 0.5).train.size() == 2);  // 2.5
  CHECK(split_rows(100, 1).train != split_rows(100, 2).train);
  CHECK(split_rows(100, 1).train == split_rows(100, 1).train);
}

TEST_CASE("a split that leaves a side empty is refused") {
  CHECK_ERROR(ErrorKind::Data, "1 rows are too few", split_rows(1));
  CHECK_ERROR(ErrorKind::Data, "2 rows are too few", split_rows(2));  // 1.5 rounds to both
  CHECK_ERROR(ErrorKind::Data, "0 rows are too few", split_rows(0));
  CHECK_ERROR(ErrorKind::Data, "3 rows are too few", split_rows(3, 1, 0.01));
  for (const double share : {0.0, 1.0, -0.5, 2.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_ERROR(ErrorKind::Usage, "must lie between 0 and 1", split_rows(100, 1, share));
}
