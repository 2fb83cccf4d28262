// last.ckpt.safetensors: everything that a run needs to go on as if it had never stopped.
#pragma once

#include <string>
#include <vector>

#include "core/safetensors.h"
#include "tools/trainer.h"

namespace octet::tools {

// What the names of weights and of their averages begin with.
constexpr const char *kModelPrefix = "model.", *kAveragePrefix = "ema.";

struct Checkpoint {
  std::string path;
  TrainConfig config;
  RunState state;
  std::string vocabulary;  // hash
  std::string data_sha256;
  std::string glove_sha256;  // of the word vectors that the run began with; empty: none
  int64_t log_bytes =
      0;  // length of the log when it was written: what is behind belongs to steps that are redone
  TensorFile tensors;  // model.*, ema.* where an average is kept, and those of the optimizer
};

void save_checkpoint(const std::string& path, const Trainer& trainer, const TrainConfig& config,
                     const TextData& data, int64_t log_bytes);

// Errors of kind Checkpoint: not there, damaged, of another kind.
Checkpoint read_checkpoint(const std::string& path);

// The weights that the run evaluates and saves: the averages, where it keeps any.
TensorFile weights_in(const Checkpoint& checkpoint);

// Error (Checkpoint): steps taken and skipped by an optimizer that are not those of this run.
void require_counters(const Checkpoint& checkpoint, int64_t taken, int64_t skipped);

// Puts weights, optimizer state and counters into a trainer that was made from the checkpoint's config, but
// for the format of weights and state. Returns what of them was converted, a line each for people (see
// Optimizer::load_state).
// Errors of kind Checkpoint: other data, another vocabulary, tensors that do not fit.
std::vector<std::string> restore(const Checkpoint& checkpoint, Trainer& trainer, const TextData& data);

}  // namespace octet::tools
