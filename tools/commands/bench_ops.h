// The kernels that `octet bench ops` times.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace octet::tools {

struct OpCase {
  std::string op, size;
  double flops, bytes;  // of one call; 0: says nothing about this kernel
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each call and not timed
};

// Every kernel family at the sizes of a model that the device is meant for: on the CPU a batch of 64 SMS
// messages, on a GPU a batch of 50 IMDB reviews for the LSTM and of 32 x 256 tokens of BERT-base for the
// rest.
std::vector<OpCase> op_cases(Device device);

// A product large enough to show what the device can do: the roof of the others. 2 m^3 FLOPs.
OpCase largest_product(Device device);

}  // namespace octet::tools
