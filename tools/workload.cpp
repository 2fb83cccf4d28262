#include "tools/workload.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "datasets/batches.h"
#include "tools/trainer.h"

namespace octet::tools {
namespace {

// Looking at more ids of later epochs hardly finds a larger batch.
constexpr int64_t kMostEpochs = 200, kMostIds = int64_t{50} << 20;

// Measures batches of some texts as nn/packed_ids.h packs them.
class Measure {
 public:
  Measure(const EncodedTexts& texts, int64_t vocabulary, const TrainConfig& config)
      : texts_(texts),
        seen_in_(static_cast<size_t>(vocabulary)),
        pad_to_(ModelForm::of(config, 2).pad_to),
        shares_(config.device == "cpu") {}

  int64_t ids_seen() const { return ids_; }

  BatchShape of(const Batch& batch, bool first) {
    BatchShape shape{.rows = static_cast<int64_t>(batch.rows.size()), .first = first};
    ++batch_;
    int64_t own = 0, longest_prefix = 0, sharing = 0;
    for (const int32_t row : batch.rows) {
      const std::vector<int32_t>& ids = texts_.sequences[static_cast<size_t>(row)];
      const auto given = static_cast<int64_t>(ids.size());
      for (const int32_t id : ids) count(shape, id);
      ids_ += given;
      const int64_t length = std::max(pad_to_, given);
      shape.steps = std::max(shape.steps, length);
      shape.total += length;
      if (pad_to_ == 0) continue;
      if (given < length) count(shape, 0);
      const auto padding = std::find_if(ids.begin(), ids.end(), [](int32_t id) { return id != 0; });
      const int64_t prefix = std::min(length - given + (padding - ids.begin()), length - 1);
      own += length - prefix;
      longest_prefix = std::max(longest_prefix, prefix);
      sharing += prefix > 0 ? 1 : 0;
    }
    if (shares_ && sharing > 1) shape.shared = own + longest_prefix;
    return shape;
  }

 private:
  void count(BatchShape& shape, int32_t id) {
    int64_t& last = seen_in_[static_cast<size_t>(id)];
    if (std::exchange(last, batch_) != batch_) ++shape.distinct;
  }

  const EncodedTexts& texts_;
  std::vector<int64_t> seen_in_;  // number of the last batch that had the id
  int64_t pad_to_;
  bool shares_;
  int64_t batch_ = 0, ids_ = 0;
};

void keep_largest(std::vector<BatchShape>& largest, const BatchShape& shape, const Batch& batch) {
  if (std::any_of(largest.begin(), largest.end(), [&](const BatchShape& b) { return b.covers(shape); }))
    return;
  std::erase_if(largest, [&](const BatchShape& b) { return shape.covers(b); });
  largest.push_back(shape);
  largest.back().texts = batch.rows;
}

}  // namespace

bool BatchShape::covers(const BatchShape& other) const {
  // One that shares its padding needs a row for it; where it cannot be shared, it needs all rows.
  const int64_t least = shared ? shared : total, others = other.shared ? other.shared : other.total;
  return rows >= other.rows && steps >= other.steps && total >= other.total && least >= others &&
         distinct >= other.distinct && (!first || other.first) && (shared > 0 || other.shared == 0);
}

Workload workload_of(const TrainConfig& config, const TextData& data) {
  Workload work{.vocabulary = data.encoder.size(),
                .classes = data.classes(),
                .class_weights = !data.class_weights.empty(),
                .validation_rows = data.validation.rows(),
                .train = {},
                .validation = {}};
  const TrainingBatches batches = training_batches(config, data.train);
  work.batches = batches.per_epoch();
  Measure train(data.train, work.vocabulary, config);
  for (int64_t epoch = 1; epoch <= std::min(config.epochs, kMostEpochs); ++epoch) {
    int64_t place = 0;
    for (const Batch& batch : batches.epoch(epoch))
      keep_largest(work.train, train.of(batch, place++ % config.accumulate == 0), batch);
    if (train.ids_seen() > kMostIds) break;
  }
  Measure validation(data.validation, work.vocabulary, config);
  for (const Batch& batch : sorted_batches(lengths_of(data.validation.sequences), config.batch_size)) {
    keep_largest(work.validation, validation.of(batch, true), batch);
    ++work.validation_batches;
  }
  return work;
}

Workload workload_of(const TrainConfig& config, const AssumedData& data) {
  require(data.longest >= 1, ErrorKind::Usage,
          "memory: say how long the longest text is, by --longest or --max-length");
  const int64_t rows = config.batch_size, tokens = data.tokens ? data.tokens : rows * data.longest;
  require(tokens >= rows && tokens / rows <= data.longest && tokens <= rows * data.longest, ErrorKind::Usage,
          "memory: --tokens ", tokens, " do not fit a batch of ", rows, " texts of 1 to ", data.longest,
          " ids");
  const bool padded = ModelForm::of(config, data.classes).pad_to > 0;
  BatchShape shape{.rows = rows,
                   .steps = padded ? config.max_length : data.longest,
                   .total = padded ? rows * config.max_length : tokens,
                   .distinct = std::min(data.vocabulary, tokens + (padded ? 1 : 0))};
  // The longest run of padding is taken to be as long as it can be.
  if (padded && config.device == "cpu" && rows > 1 && tokens < shape.total)
    shape.shared = std::min(shape.total, tokens + config.max_length - 1);
  return {.vocabulary = data.vocabulary,
          .classes = data.classes,
          .class_weights = config.class_weights != "none",
          .batches = 1,
          .validation_batches = 1,
          .validation_rows = rows,
          .train = {shape},
          .validation = {shape}};
}

}  // namespace octet::tools
