// The step of an optimizer as a backend sees it: tables of tensors, cut into blocks, and two functions over
// them. Everything here is plain data with raw pointers, so that a table can be copied to a device and one
// launch can update a whole model; class Optimizer owns what they point to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "optim/codecs.h"
#include "optim/rules.h"

namespace octet::optim {

constexpr int kMaxSlots = 3;
constexpr int kDefaultBlock = 256, kMinBlock = 64, kMaxBlock = 4096;  // elements
constexpr int kPlainBlock = 1024;  // the unit of work of codecs without absmax
constexpr std::size_t kUpdateBytes = 128;

// One parameter. Pointers are to memory of the plan's device; T is the codec's Value, S its Stored.
struct StepTensor {
  void* weight;              // T [count]
  const void* gradient;      // T [count]; null: the parameter is left as it is
  void* state[kMaxSlots];    // S [count]
  float* absmax[kMaxSlots];  // [ceil(count / block_size)], blockwise codecs only
  int64_t count;
  int64_t first_block;  // number of blocks in the tensors before this one
};

// Parameters that are stepped by the same rule, codec and constants.
struct StepPlan {
  int rule, codec;  // places in Rules and Codecs
  SecondMoment second_moment;
  int block_size;
  int tensor_count;
  int64_t block_count;  // in all tensors
  const StepTensor* tensors;
  // Rule::Update<Codec::Value> of this step: learning rate, bias corrections and hyper-parameters.
  alignas(16) std::byte update[kUpdateBytes];
};

// What the norm pass tells the step; on a device it stays there, so that no step waits for the host.
struct StepControl {
  double norm = 0;          // of all gradients together, before clipping
  double scale = 1;         // factor on every gradient
  int32_t bad_tensor = -1;  // the first tensor, counted over all plans, with a gradient that is not finite
};

struct StepTable {
  // Fills *control: norm, scale = min(1, max_norm / (norm + 1e-6)) (1 if max_norm is 0), bad_tensor.
  // `partial` is scratch of partial_count(plans) values. The result does not depend on the number of threads.
  void (*measure)(const StepPlan* plans, int plan_count, double max_norm, double* partial,
                  StepControl* control);
  // Updates weights and states in one pass; does nothing where control->bad_tensor is set.
  void (*step)(const StepPlan* plans, int plan_count, const StepControl* control);
  // One slot by itself (its values not negative under the unsigned book), for loading state of another codec
  // and for looking into it: values of the codec's Value type to and from stored ones and an absmax a block
  // (null where the codec has none).
  void (*encode)(int codec, Book book, SecondMoment mode, int block_size, const void* values, int64_t count,
                 void* stored, float* absmax);
  void (*decode)(int codec, Book book, int block_size, const void* stored, const float* absmax, int64_t count,
                 void* values);
};

const StepTable& cpu_steps();

// Elements that one thread takes at a time. Whole blocks; small enough to spread a small model over the
// threads.
constexpr int64_t kChunk = 16384;
inline int64_t blocks_per_chunk(const StepPlan& plan) {
  return plan.block_size >= kChunk ? 1 : kChunk / plan.block_size;
}
inline int64_t chunk_count(const StepPlan& plan) {
  return (plan.block_count + blocks_per_chunk(plan) - 1) / blocks_per_chunk(plan);
}
inline int64_t partial_count(const StepPlan* plans, int plan_count) {
  int64_t sum = 0;
  for (int i = 0; i < plan_count; ++i) sum += chunk_count(plans[i]);
  return sum;
}

}  // namespace octet::optim
