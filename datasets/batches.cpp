#include "datasets/batches.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "core/error.h"

namespace octet {
namespace {

constexpr int64_t kPoolBatches = 100;

void check(std::span<const int32_t> lengths, int64_t batch_size) {
  require(batch_size >= 1, "batches: the batch size is ", batch_size, ", it must be at least 1");
  require(lengths.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()),
          "batches: ", lengths.size(), " rows are too many");
  for (size_t i = 0; i < lengths.size(); ++i)
    require(lengths[i] >= 1, "batches: row ", i, " has length ", lengths[i],
            "; replace empty sequences first");
}

int64_t pieces(int64_t n, int64_t size) { return n / size + (n % size != 0); }
int64_t pool_size(int64_t batch_size) {  // saturates, so that any batch size means at most one whole pool
  return batch_size > std::numeric_limits<int64_t>::max() / kPoolBatches ? batch_size
                                                                         : batch_size * kPoolBatches;
}

Batch longest_first(std::vector<int32_t> rows, std::span<const int32_t> lengths) {
  std::stable_sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) {
    return lengths[static_cast<size_t>(a)] > lengths[static_cast<size_t>(b)];
  });
  return {std::move(rows)};
}

// Sorts rows by length and appends them in batches.
void cut(std::vector<int32_t> rows, std::span<const int32_t> lengths, int64_t batch_size,
         std::vector<Batch>& batches) {
  const auto length = [&](int32_t row) { return lengths[static_cast<size_t>(row)]; };
  std::stable_sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) { return length(a) < length(b); });
  const auto count = static_cast<int64_t>(rows.size());
  for (int64_t first = 0; first < count;) {
    const int64_t size = std::min(batch_size, count - first);
    batches.push_back(longest_first({rows.begin() + first, rows.begin() + first + size}, lengths));
    first += size;
  }
}

}  // namespace

std::vector<Batch> bucketed_batches(std::span<const int32_t> lengths, int64_t batch_size,
                                    const Permutation& permutation) {
  check(lengths, batch_size);
  const std::vector<int32_t> order = permutation(static_cast<int32_t>(lengths.size()));
  const auto count = static_cast<int64_t>(order.size());
  std::vector<Batch> batches;
  for (int64_t first = 0; first < count;) {
    const int64_t size = std::min(pool_size(batch_size), count - first);
    std::vector<Batch> pool;
    cut({order.begin() + first, order.begin() + first + size}, lengths, batch_size, pool);
    for (const int32_t i : permutation(static_cast<int32_t>(pool.size())))
      batches.push_back(std::move(pool[static_cast<size_t>(i)]));
    first += size;
  }
  return batches;
}

std::vector<Batch> shuffled_batches(std::span<const int32_t> lengths, int64_t batch_size,
                                    const Permutation& permutation) {
  check(lengths, batch_size);
  const std::vector<int32_t> order = permutation(static_cast<int32_t>(lengths.size()));
  const auto count = static_cast<int64_t>(order.size());
  std::vector<Batch> batches;
  for (int64_t first = 0; first < count; first += batch_size) {
    const int64_t size = std::min(batch_size, count - first);
    batches.push_back(longest_first({order.begin() + first, order.begin() + first + size}, lengths));
    if (size < batch_size) break;  // so that no batch size overflows
  }
  return batches;
}

std::vector<Batch> sorted_batches(std::span<const int32_t> lengths, int64_t batch_size) {
  check(lengths, batch_size);
  std::vector<int32_t> rows(lengths.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<Batch> batches;
  cut(std::move(rows), lengths, batch_size, batches);
  return batches;
}

TrainingBatches::TrainingBatches(std::vector<int32_t> lengths, int64_t batch_size, const Rng& rng,
                                 Batching batching)
    : lengths_(std::move(lengths)), batch_size_(batch_size), rng_(rng), batching_(batching) {
  check(lengths_, batch_size);
  // A pool is a whole number of batches, so only the last batch of all can be short.
  per_epoch_ = pieces(static_cast<int64_t>(lengths_.size()), batch_size);
}

std::vector<Batch> TrainingBatches::epoch(int64_t number) const {
  Rng stream = rng_.split("epoch " + std::to_string(number));
  const auto permutation = [&](int32_t n) {
    std::vector<int32_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    stream.shuffle(order.begin(), order.end());
    return order;
  };
  return batching_ == Batching::Shuffled ? shuffled_batches(lengths_, batch_size_, permutation)
                                         : bucketed_batches(lengths_, batch_size_, permutation);
}

std::vector<int32_t> lengths_of(const std::vector<std::vector<int32_t>>& sequences) {
  std::vector<int32_t> lengths;
  lengths.reserve(sequences.size());
  for (const auto& ids : sequences) lengths.push_back(static_cast<int32_t>(ids.size()));
  return lengths;
}

}  // namespace octet
