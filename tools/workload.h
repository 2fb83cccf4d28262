// What the memory of a run depends on beside its settings: how many ids and labels there are, and the sizes
// of its largest batches.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/text_data.h"

namespace octet::tools {

// Of a batch.
struct BatchShape {
  int64_t rows = 0;
  int64_t steps = 0;                // of the longest row
  int64_t total = 0;                // packed rows: ids of all rows together, padding included
  int64_t shared = 0;               // packed rows where padding is computed once for all rows; 0: it is not
  int64_t distinct = 0;             // different ids, padding included
  bool first = true;                // of the batches whose gradients make one step
  std::vector<int32_t> texts = {};  // that it was drawn from; none without data

  // Whether no batch of that shape needs more memory in any way.
  bool covers(const BatchShape& other) const;
};

struct Workload {
  int64_t vocabulary = 0;  // ids
  int64_t classes = 2;
  bool class_weights = false;
  int64_t batches = 0, validation_batches = 0, validation_rows = 0;  // of an epoch
  // None is covered by another: the most memory is needed by one of them.
  std::vector<BatchShape> train, validation;

  int64_t outputs() const { return logits_of(classes); }
};

// Of the batches that a run will draw: those of its first epochs, of which the later ones hardly find a
// larger one. `device` of the config counts: a GPU shares no padding.
Workload workload_of(const TrainConfig& config, const TextData& data);

// Where there is no data: all batches alike.
struct AssumedData {
  int64_t vocabulary = 0, classes = 2;
  int64_t longest = 0;  // ids of the longest text
  int64_t tokens = 0;   // ids in the largest batch; 0: every text is as long as the longest
};
// Errors (Usage): a longest text of no ids, more tokens than the rows of a batch can have, or fewer than
// rows.
Workload workload_of(const TrainConfig& config, const AssumedData& data);

}  // namespace octet::tools
