// What a checkpoint's optimizer state is like, and what storing it otherwise would do: the numbers behind
// `octet inspect`, whatever form they are shown in.
#pragma once

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "optim/state_error.h"
#include "tools/checkpoint_state.h"

namespace octet::tools {

// Where the errors of slots come from.
enum class Basis {
  Trial,    // the state is exact; it was stored by a codec here and read back
  Spacing,  // the state is kept in codes; the truth is not there, the spacing of codes bounds it
  Paired    // the state is kept in codes; the truth is a run with exact state, step for step the same
};

struct SlotFigures {
  std::string storage;  // codec
  int64_t bytes = 0;
  optim::ValueError error;               // Spacing: what is to be expected
  double bound = NAN;                    // Spacing: the largest sum |x - q| possible, of sum |q|
  std::optional<optim::CodeUse> codes;   // of slots in codes
  int64_t vanished = -1;                 // not 0, stored as 0; -1: not known
  double ratio_median = NAN;             // of step sizes; of the slot that the rule divides by, where the
  double ratio_p99 = NAN;                // truth is known
  int64_t block = 0;                     // elements of a block in `worst`
  std::vector<optim::BlockError> worst;  // blocks
};

// The value below which a share `p` of sorted values lies, by linear interpolation; NaN of none.
double sorted_quantile(const std::vector<double>& sorted, double p);

// A way of storing, tried on all state that 8-bit codecs would store.
struct Trial {
  std::string name;  // "blockwise8", "blockwise8, plain"
  optim::Storage how;
  double bytes_per_value = 0;
  std::vector<double> relative;  // by slot of the rule: sum |x - q| / sum |x|
  std::vector<double> vanished;  // by slot of the rule: share of values that are not 0 and stored as 0
  double adam_error = NAN;       // where the rule has Adam's slots
  std::vector<double> ratios;    // of step sizes, sorted; empty for rules that divide by no slot
};

// Step sizes over the steps of a run whose gradients stay as they are: quantiles after each step.
struct Course {
  std::string name;
  std::vector<double> median, p99;
};

struct InspectOptions {
  std::string codec;    // Trial: what to try on each slot, blockwise8 if empty; else what the codes are of
  std::string against;  // a run with exact state, or empty
};

struct Inspection {
  CheckpointState state;
  std::shared_ptr<CheckpointState> against;
  Basis basis = Basis::Trial;
  std::vector<SlotFigures> slots;     // as state.slots
  std::vector<Trial> trials;          // where exact state is at hand: this one's, or that of `against`
  std::vector<double> paired_ratios;  // Paired: step sizes of this run, sorted, of all slots in codes
  std::vector<Course> courses;        // likewise, for rules with a decaying second moment

  const CheckpointState* exact() const {
    return basis == Basis::Trial ? &state : basis == Basis::Paired ? against.get() : nullptr;
  }
};

// The `most` worst blocks of all slots, the worst first.
struct WorstBlock {
  size_t slot = 0;              // place in Inspection::slots
  int64_t first = 0, last = 0;  // elements
  optim::BlockError error;
};
std::vector<WorstBlock> worst_blocks(const Inspection& inspection, size_t most);

// Errors: those of read_checkpoint_state(); kind Usage for --against where it has no place, a codec that is
// not one, or a run that is no pair: of another step or seed, or with coded state; Checkpoint for one of
// another model or rule.
Inspection inspect(const std::string& path, const InspectOptions& options);

}  // namespace octet::tools
