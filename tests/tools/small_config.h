// Settings of a run that a test trains within its own process, on a second's worth of messages.
#pragma once

#include "tests/tools/small_run.h"
#include "tools/config.h"

namespace octet::testing {

inline tools::TrainConfig small_config(const Runs& runs) {
  tools::TrainConfig config;
  config.task = "sms";
  config.data = runs.data();
  config.batch_size = 8;
  config.embedding = config.hidden = 8;
  config.min_freq = 2;
  config.dropout = 0;
  return config;
}

}  // namespace octet::testing
