// Runs whose memory is predicted and then measured, on any device: small ones, of every task and model.
#pragma once

#include <string>
#include <vector>

#include "tests/support/support.h"
#include "tools/memory_model.h"
#include "tools/trainer.h"

namespace octet::testing {

struct MemoryCase {
  std::string name;
  tools::TrainConfig config;
};

// Corpora to run them on, in a folder of its own.
class MemoryCases {
 public:
  MemoryCases();
  // Every task and model, each with everything that a flag can change about its memory.
  std::vector<MemoryCase> models(const std::string& device) const;
  // Every task with every codec and, of sms, with `all_rules` every rule.
  std::vector<MemoryCase> states(const std::string& device, bool all_rules) const;
  // Of a task by its own defaults, but for batches and layers that take no second.
  tools::TrainConfig config(const std::string& task, const std::string& device) const;

 private:
  TemporaryFolder folder_;
};

// As large as the difference between prediction and measurement may be.
int64_t allowed_difference(int64_t measured, bool whole);

// Predicts, trains an epoch, and checks each tag and the peak. Returns a line for a table.
std::string check_prediction(const MemoryCase& c, const tools::TextData& data);

}  // namespace octet::testing
