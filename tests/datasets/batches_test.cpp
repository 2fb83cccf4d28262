#include "datasets/batches.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/python_random.h"
#include "datasets/split.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

// Lengths like those of the SMS collection: many short ones, a long tail.
std::vector<int32_t> lengths_like_sms(int n) {
  Rng rng(3);
  std::vector<int32_t> lengths;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform();
    lengths.push_back(1 + static_cast<int32_t>(30 * u + 150 * u * u * u * u * u * u));
  }
  return lengths;
}

std::vector<int32_t> all_rows(const std::vector<Batch>& batches) {
  std::vector<int32_t> rows;
  for (const Batch& batch : batches) rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  return rows;
}

bool is_everything_once(std::vector<int32_t> rows, size_t n) {
  std::vector<int32_t> expected(n);
  std::iota(expected.begin(), expected.end(), 0);
  std::sort(rows.begin(), rows.end());
  return rows == expected;
}

int64_t cells(const std::vector<Batch>& batches, const std::vector<int32_t>& lengths) {
  int64_t sum = 0;
  for (const Batch& batch : batches)
    sum += static_cast<int64_t>(batch.rows.size()) * lengths[batch.rows.front()];
  return sum;
}

bool longest_first(const Batch& batch, const std::vector<int32_t>& lengths) {
  return std::is_sorted(batch.rows.begin(), batch.rows.end(),
                        [&](int a, int b) { return lengths[a] > lengths[b]; });
}

}  // namespace

TEST_CASE("the first 40 batches are those of torchtext's BucketIterator in the golden trajectory") {
  const auto trajectory = nlohmann::json::parse(read_file(NEED_GOLDEN("sms_trajectory.json")));
  const std::string packed = read_file(NEED_GOLDEN("sms_csv_spacy_tokens.jsonl.xz"));
  std::istringstream tokens(read_archive_entry(packed, "tokens", "tokens", [](auto) { return true; }).bytes);
  std::vector<int32_t> row_lengths;
  for (std::string line; std::getline(tokens, line);)
    row_lengths.push_back(static_cast<int32_t>(nlohmann::json::parse(line).size()));
  const Split split = split_rows(static_cast<int64_t>(row_lengths.size()));
  std::vector<int32_t> lengths;
  for (const int32_t row : split.train) lengths.push_back(row_lengths[row]);

  PythonRandom random(2021);
  const auto batches = bucketed_batches(lengths, 64, [&](int32_t n) { return random.permutation(n); });
  REQUIRE(batches.size() == 66);
  const auto& expected = trajectory.at("batches");
  REQUIRE(expected.size() == 40);
  for (size_t i = 0; i < expected.size(); ++i) {
    std::vector<int32_t> rows;
    for (const int32_t row : batches[i].rows) rows.push_back(split.train[row]);
    CHECK(rows == expected[i].get<std::vector<int32_t>>());
  }
}

TEST_CASE("an epoch has every row once, in full batches but for one, longest first within a batch") {
  const auto lengths = lengths_like_sms(4180);
  const TrainingBatches batches(lengths, 64, Rng(1));
  CHECK(batches.per_epoch() == 66);
  const auto epoch = batches.epoch(1);
  CHECK(static_cast<int64_t>(epoch.size()) == batches.per_epoch());
  CHECK(is_everything_once(all_rows(epoch), lengths.size()));
  int64_t short_ones = 0;
  for (const Batch& batch : epoch) {
    CHECK(longest_first(batch, lengths));
    short_ones += batch.rows.size() != 64;
  }
  CHECK(short_ones == 1);
}

TEST_CASE("epochs differ from each other, repeat for a seed and differ between seeds") {
  const auto lengths = lengths_like_sms(500);
  const TrainingBatches a(lengths, 16, Rng(1)), again(lengths, 16, Rng(1)), other(lengths, 16, Rng(2));
  CHECK(all_rows(a.epoch(1)) != all_rows(a.epoch(2)));
  CHECK(all_rows(a.epoch(1)) != all_rows(other.epoch(1)));
  // A resumed run begins at epoch 7 without having seen the others.
  CHECK(all_rows(again.epoch(7)) == all_rows(a.epoch(7)));
  CHECK(all_rows(a.epoch(1)) == all_rows(a.epoch(1)));
}

TEST_CASE("rows of one length do not keep company over the epochs") {
  const std::vector<int32_t> lengths(256, 10);
  const TrainingBatches batches(lengths, 16, Rng(1));
  std::map<std::pair<int32_t, int32_t>, int> together;
  for (int epoch = 1; epoch <= 40; ++epoch)
    for (const Batch& batch : batches.epoch(epoch))
      for (const int32_t a : batch.rows)
        for (const int32_t b : batch.rows)
          if (a < b) ++together[{a, b}];
  // Expected 40 * 15 / 255 = 2.4 times; 32,640 pairs, so 16 and more would be a wonder.
  int most = 0;
  for (const auto& [pair, n] : together) most = std::max(most, n);
  CHECK(most < 16);
}

TEST_CASE("bucketing saves most of the padding, and the order of batch lengths is random") {
  const auto lengths = lengths_like_sms(4180);
  const int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  const auto epoch = TrainingBatches(lengths, 64, Rng(1)).epoch(1);
  CHECK(cells(epoch, lengths) < tokens * 11 / 10);
  int64_t falls = 0;
  for (size_t i = 1; i < epoch.size(); ++i)
    falls += lengths[epoch[i].rows[0]] < lengths[epoch[i - 1].rows[0]];
  CHECK(falls > 20);
  CHECK(falls < 46);
}

TEST_CASE("more than a hundred batches are bucketed in pools") {
  const auto lengths = lengths_like_sms(1050);
  const auto epoch = TrainingBatches(lengths, 4, Rng(1)).epoch(3);
  REQUIRE(epoch.size() == 263);
  CHECK(is_everything_once(all_rows(epoch), lengths.size()));
  // Each pool spans the lengths: its shortest rows are near the shortest of all.
  for (const size_t pool : {0, 100}) {
    int32_t shortest = 1000, longest = 0;
    for (size_t i = pool; i < pool + 100; ++i)
      for (const int32_t row : epoch[i].rows)
        shortest = std::min(shortest, lengths[row]), longest = std::max(longest, lengths[row]);
    CHECK(shortest <= 2);
    CHECK(longest >= 100);
  }
}

TEST_CASE("validation batches are sorted by length and never shuffled") {
  const auto lengths = lengths_like_sms(1394);
  const auto batches = sorted_batches(lengths, 64);
  REQUIRE(batches.size() == 22);
  CHECK(is_everything_once(all_rows(batches), lengths.size()));
  CHECK(batches.back().rows.size() == 50);
  for (size_t i = 0; i < batches.size(); ++i) {
    CHECK(longest_first(batches[i], lengths));
    if (i) CHECK(lengths[batches[i].rows.back()] >= lengths[batches[i - 1].rows.front()]);
  }
  CHECK(all_rows(batches) == all_rows(sorted_batches(lengths, 64)));
}

TEST_CASE("rows of one length stay in order within a validation batch") {
  const std::vector<int32_t> lengths = {3, 5, 3, 5, 3, 9};
  const auto batches = sorted_batches(lengths, 6);
  REQUIRE(batches.size() == 1);
  CHECK(batches[0].rows == std::vector<int32_t>{5, 1, 3, 0, 2, 4});
}

TEST_CASE("odd sizes: one row, a batch larger than the corpus, no rows, a batch of one") {
  CHECK(sorted_batches(std::vector<int32_t>{4}, 64).size() == 1);
  CHECK(sorted_batches(std::vector<int32_t>{}, 64).empty());
  CHECK(TrainingBatches({}, 64, Rng(1)).epoch(1).empty());
  CHECK(TrainingBatches({1, 2, 3}, INT64_MAX, Rng(1)).epoch(1).size() == 1);
  CHECK(TrainingBatches({1, 2, 3}, 1, Rng(1)).epoch(1).size() == 3);
  CHECK_ERROR(ErrorKind::Usage, "the batch size is 0, it must be at least 1",
              sorted_batches(std::vector<int32_t>{4}, 0));
  CHECK_ERROR(ErrorKind::Usage, "row 1 has length 0; replace empty sequences first",
              TrainingBatches({3, 0}, 2, Rng(1)));
}
