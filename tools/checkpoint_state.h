// The optimizer state that a checkpoint holds, read without its data, its model or the device it was made on.
#pragma once

#include <string>
#include <vector>

#include "optim/registry.h"
#include "optim/round_trip.h"
#include "optim/state_error.h"
#include "tools/config.h"

namespace octet::tools {

struct SlotState {
  std::string parameter, slot;
  int place = -1;  // among the slots of the rule; -1: one of its form for matrices, or of another rule
  std::string codec;
  int block_size = 0;     // 0: no blocks
  bool dithered = false;  // codes were chosen up or down by chance
  optim::StoredSlot held;

  int64_t elements() const { return static_cast<int64_t>(held.values.size()); }
  bool rounded() const;  // the codec keeps other values than the step computed
};

struct CheckpointState {
  std::string path;  // of the file
  TrainConfig config;
  int64_t steps = 0;
  int64_t tensors = 0, elements = 0;  // of the model
  std::string data_sha256;            // of what it was trained on
  bool generated = false;             // trained on generated data, as far as the run's folder says
  std::vector<SlotState> slots;       // by parameter, in the order of the file

  const optim::RuleInfo& rule() const;
  optim::Denominator denominator() const;
  bool coded() const;              // some slot is kept in codes
  std::string rounded_to() const;  // "codes", else the first codec that rounds; empty: all slots are exact
  // The slots of a parameter, by their place in the rule; null for those it has not.
  std::vector<const SlotState*> slots_of(const std::string& parameter) const;
  std::vector<std::string> parameters() const;
};

// `path`: the --out folder of a run, or a checkpoint file. The codec of a slot is what the file says, else
// what the run's settings say; `codec` (may be empty) decides where both leave it open. Errors: kind Data if
// there is nothing; Checkpoint for a file that is damaged, no checkpoint, or at odds with its own settings.
CheckpointState read_checkpoint_state(const std::string& path, const std::string& codec = "");

}  // namespace octet::tools
