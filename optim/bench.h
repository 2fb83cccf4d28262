// How long a step takes, beside a plain copy of as many bytes: what `octet bench optimizer` prints. A
// repetition on the CPU is one call; on a GPU a run of as many calls as take 5 ms, with one wait at its end,
// divided by their number: launches overlap with the work, as in training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/shape.h"
#include "optim/codecs/codec.h"

namespace octet::optim {

struct StepCase {
  std::string rule = "adam";
  std::string codec = "blockwise8";
  std::vector<Shape> shapes;  // of each tensor
  int block_size = 256;
  int64_t min_8bit_size = 4096;
  SecondMoment second_moment = SecondMoment::Dither;
  Rounding rounding = Rounding::Nearest;
  bool bf16_weights = false;  // of tensors of min_8bit_size elements or more
  Rounding weight_rounding = Rounding::Stochastic;
  int repetitions = 10;
  Device device;
};

struct StepTiming {
  int64_t parameters = 0;                // elements
  double seconds = 0;                    // of one update pass (the fastest repetition)
  double norm_seconds = 0;               // of the norm pass, which a training step adds (the fastest)
  double norm_bytes_per_parameter = 0;   // that it reads
  double bytes_per_parameter = 0;        // read and written by the update, in all of its passes; 0: unknown
  double state_bytes_per_parameter = 0;  // stored
  double gbps = 0;                       // 1e9 bytes moved a second, at the fastest repetition
};

StepTiming time_step(const StepCase& step_case);

// Bandwidth of copying `bytes` bytes within the device (on the CPU with the same threads), reads plus writes;
// the fastest of `repetitions`.
double copy_gbps(Device device, int64_t bytes, int repetitions = 10);

}  // namespace octet::optim
