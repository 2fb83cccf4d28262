// What happens in a training run, as the log writes it and the progress display shows it.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "core/ledger.h"

namespace octet::tools {

struct EpochEvent {
  int64_t epoch = 0;  // from 1
  double train_loss = 0, val_loss = 0;
  double val_accuracy = 0;                   // share of right answers, 0 to 1
  double seconds = 0;                        // training and validation
  double train_seconds = 0;                  // training alone
  int64_t peak_bytes = 0;                    // largest number of bytes of the run's device so far
  BytesByTag peak_by_tag{};                  // what each tag held at that moment; sums to peak_bytes
  double macro_f1 = NAN, weighted_f1 = NAN;  // of the validation rows (metrics.h); NAN: not told
};

// Of an epoch by what --best-by names; the larger, the better.
inline double score_of(const EpochEvent& epoch, const std::string& by) {
  if (by == "accuracy") return epoch.val_accuracy;
  if (by == "macro-f1") return epoch.macro_f1;
  return -epoch.val_loss;
}
// Than the best so far. One that is not finite is the best only until there is one that is.
inline bool is_better(double score, double best) {
  return score > best || (std::isfinite(score) && !std::isfinite(best));
}

// The rows that were put aside for the end, answered once.
struct TestEvent {
  int64_t rows = 0;
  double loss = 0, accuracy = 0, macro_f1 = 0, weighted_f1 = 0;
  std::string weights = "best";  // that answered
};

struct EndEvent {
  std::string status = "ok";  // "ok", "interrupted", or why it ended
  int64_t epochs = 0, steps = 0;
  int64_t skipped_steps = 0;              // of them, for their gradients; in the log where there were any
  double val_loss = 0, val_accuracy = 0;  // of the last epoch; NaN before one has ended
  int64_t best_epoch = 0;                 // by --best-by
  double seconds = 0;
  int64_t peak_bytes = 0;
  BytesByTag peak_by_tag{}, max_by_tag{};  // max_by_tag: each tag's own maximum
};

}  // namespace octet::tools
