// Batches of sequences: of like length, so that little of a batch is padding, or of any.
//
// A batch holds row numbers only. The order of an epoch is a pure function of the stream it is drawn from and
// the epoch's number, so a run can be resumed from (epoch, batch) alone.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/rng.h"

namespace octet {

struct Batch {
  std::vector<int32_t>
      rows;  // longest sequence first; indices of the `lengths` that the batches were made from
};

// Draws a random order of 0..n-1. A parameter, because the golden batches are drawn with Python's numbers.
using Permutation = std::function<std::vector<int32_t>(int32_t n)>;

// Buckets as torchtext's BucketIterator (0.9, sort_within_batch) makes them: all rows in random order, cut
// into pools of 100 batches; each pool sorted by length and cut into batches, which are shuffled within the
// pool. Rows of one length keep their random order. The last batch of a pool may be short. Errors (Usage):
// batch_size < 1; a length < 1.
std::vector<Batch> bucketed_batches(std::span<const int32_t> lengths, int64_t batch_size,
                                    const Permutation& permutation);

// All rows in random order, cut into batches; the last may be short. Errors as above.
std::vector<Batch> shuffled_batches(std::span<const int32_t> lengths, int64_t batch_size,
                                    const Permutation& permutation);

// For validation: all rows by length, shortest batch first, nothing random.
std::vector<Batch> sorted_batches(std::span<const int32_t> lengths, int64_t batch_size);

enum class Batching { Bucketed, Shuffled };

// The training batches of every epoch, each epoch in an order of its own.
class TrainingBatches {
 public:
  TrainingBatches(std::vector<int32_t> lengths, int64_t batch_size, const Rng& rng,
                  Batching batching = Batching::Bucketed);
  int64_t per_epoch() const { return per_epoch_; }  // the same in every epoch
  std::vector<Batch> epoch(int64_t number) const;   // any epoch at any time, from rng.split("epoch <number>")

 private:
  std::vector<int32_t> lengths_;
  int64_t batch_size_;
  Rng rng_;
  Batching batching_;
  int64_t per_epoch_;
};

std::vector<int32_t> lengths_of(const std::vector<std::vector<int32_t>>& sequences);

}  // namespace octet
