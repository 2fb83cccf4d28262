// The step of an optimizer as a backend sees it: tables of tensors, cut into blocks, and functions over
// them. Everything here is plain data with raw pointers, so that a table can be copied to a device and one
// launch can update a whole model; class Optimizer owns what they point to.
//
// What changes from step to step lies in the device's memory (StepControl, StepPlan::update), and only the
// device changes it: no step waits for the host, and the same launches can be replayed as a CUDA graph.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/device.h"
#include "core/dtype.h"
#include "core/host_device.h"
#include "optim/clip.h"
#include "optim/codecs.h"
#include "optim/dither.h"
#include "optim/hyper.h"
#include "optim/rules.h"

namespace octet::optim {

constexpr int kMaxSlots = 3;
constexpr int kWeightSlot = kMaxSlots;  // in place of a slot, for the dither of weights
constexpr int kDefaultBlock = 256, kMinBlock = 64, kMaxBlock = 4096;  // elements
constexpr int kPlainBlock = 1024;  // the unit of work of codecs without absmax
constexpr std::size_t kUpdateBytes = 128;

enum class OnNonFinite : uint8_t {
  Stop,  // leave everything as it is from this step on, until someone looks: the optimizer names the
         // parameter
  Skip,  // leave weights, state and step count as they are in this step alone, and count it
};

// One parameter. Pointers are to memory of the plan's device; T is the codec's Value, S its Stored. Aligned
// so that a GPU can read two pointers at once.
struct alignas(16) StepTensor {
  void* weight;              // T, or BFloat16 where the plan says so: [count]
  const void* gradient;      // T [count]; null: the parameter is left as it is
  void* state[kMaxSlots];    // S [ceil(count / values_per_stored)]; of a matrix: see the slot's extent
  float* absmax[kMaxSlots];  // [ceil(count / block_size)], or [1], or null: see Scale
  int64_t count;
  int64_t first_block;  // number of blocks in the tensors before this one; see kSectorBlocks
  int64_t in_vectors;   // see find_in_vectors(); to be found anew when a pointer changes
  uint32_t salt;        // tells its dither from that of other tensors
  int64_t first_piece;  // number of pieces (survey.h) in the tensors before this one
  int64_t columns;      // of a matrix: [count / columns, columns]
};

// Fills in_vectors: how many elements a GPU may move as vectors of kVectorBytes without a closer look, which
// are all or, if there is no gradient or an array begins between vectors, none.
constexpr std::size_t kVectorBytes = 16;
inline void find_in_vectors(StepTensor& tensor) {
  const auto begins_one = [](const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % kVectorBytes == 0;
  };
  bool all = tensor.gradient && begins_one(tensor.gradient) && begins_one(tensor.weight);
  for (const void* state : tensor.state) all = all && begins_one(state);
  tensor.in_vectors = all ? tensor.count : 0;
}

// Where each block has an absmax, a tensor's first block has a multiple of this as its number, and the
// numbers in between belong to no block: eight absmax are the 32 bytes that a GPU's memory writes as a whole,
// so those of eight blocks that are stepped together should be no others'.
constexpr int64_t kSectorBlocks = 8;
// Blocks that follow each other and are of one tensor, whatever it is.
OCTET_HD constexpr int64_t stretch_of(Scale scale) { return scale == Scale::Block ? kSectorBlocks : 1; }

// Parameters that are stepped by the same rule, codec and constants.
struct StepPlan {
  int rule, codec;  // places in Rules and Codecs
  // Every element of a gradient is first limited to +-this.
  double max_value = std::numeric_limits<double>::infinity();
  SecondMoment second_moment;
  Rounding rounding, slow_rounding;  // the second of slow slots
  bool signed_absmax;                // in signed slots, see Encoding
  bool bf16_weights;                 // widened to float for the step, and then rounded:
  Rounding weight_rounding;
  uint32_t seed;  // of dither
  int block_size;
  int tensor_count;
  int64_t block_count;  // in all tensors, with the numbers between them
  const StepTensor* tensors;
  // The tensor of each stretch of stretch_of() blocks. Null on the CPU, of matrices, and of one tensor.
  const int32_t* tensor_of;
  HyperParameters hyper;  // with the learning rate at factor 1
  // kUpdateBytes at a multiple of 16: Rule::Update<Codec::Value> of this step, which measure() writes.
  void* update;
  bool matrices;        // stepped by the rule's form for matrices
  int64_t piece_count;  // in all tensors
  void* survey;         // survey_bytes() of scratch at a multiple of 8; null where the step needs no survey
};

// One parameter and the running average of its weights.
struct AverageTensor {
  const void* weight;  // T, or BFloat16: [count]
  bool bf16_weight;
  void* average;        // T [count]
  int64_t count;        // at least 1
  int64_t first_chunk;  // number of chunks of kChunk elements in the tensors before this one
};

struct AveragePlan {
  bool in_double;  // T is double, otherwise float
  int tensor_count;
  int64_t chunk_count;  // in all tensors
  const AverageTensor* tensors;
  double rest;  // 1 - decay
};

// In place of a tensor's number: the gradients are finite, but together too large to step with (conclude.h).
constexpr int32_t kAllTooLarge = std::numeric_limits<int32_t>::max();

// What the passes tell each other, and what a host may read when it can wait.
struct StepControl {
  double lr_factor = 1;  // on the learning rate of every plan; the host writes it
  double norm = 0;       // of all gradients together, their elements limited; not finite where one is not
  double scale = 1;      // factor on every gradient
  int64_t steps = 0;     // begun with good gradients
  int64_t skipped = 0;   // left out under OnNonFinite::Skip
  // The first tensor, counted over all plans, with a gradient that is not finite; or kAllTooLarge.
  int32_t bad_tensor = -1;
  NormHistory history;  // kept under percentile clipping
};

// How the values of one slot get their codes.
struct Encoding {
  bool dithered = false;      // up or down by chance
  bool floor = false;         // a positive value gets a positive code, in the unsigned book
  bool given_absmax = false;  // the absmax is not of these values alone, and already there
  // The absmax has the sign of the value that it is of (positive if both signs are as large), which so
  // becomes a 1: the dynamic signed book has no -1.
  bool signed_absmax = false;
  uint32_t dither_key = 0;  // of the first value (see dither.h)
};

// Whether values of a slot are dithered in a plan.
OCTET_HD constexpr bool is_dithered(const StepPlan& plan, const Slot& slot) {
  return (slot.slow ? plan.slow_rounding : plan.rounding) == Rounding::Stochastic ||
         (slot.book == Book::Unsigned && plan.second_moment == SecondMoment::Dither);
}

// `salt`: the tensor's; `base`: dither_base(plan.seed, place of the slot in its rule, number of the step).
OCTET_HD inline Encoding encoding_of(const StepPlan& plan, uint32_t salt, const Slot& slot, uint32_t base) {
  Encoding out;
  out.floor = slot.book == Book::Unsigned && plan.second_moment != SecondMoment::Plain;
  out.signed_absmax = slot.book == Book::Signed && plan.signed_absmax;
  out.dithered = is_dithered(plan, slot);
  if (out.dithered) out.dither_key = dither_key(base, salt);
  return out;
}

// The bits of a bf16 value, rounded as `how` says. `noise`: 32 bits, the dither_bits() of the value.
OCTET_HD inline uint16_t rounded_bf16(float x, const Encoding& how, uint32_t noise) {
  return how.dithered ? dithered_bf16(std::bit_cast<uint32_t>(x), noise >> 16) : BFloat16(x).bits;
}

// How bf16 weights are rounded. `base`: dither_base(plan.seed, kWeightSlot, number of the step).
OCTET_HD inline Encoding weight_encoding(const StepPlan& plan, uint32_t salt, uint32_t base) {
  Encoding out;
  out.dithered = plan.weight_rounding == Rounding::Stochastic;
  if (out.dithered) out.dither_key = dither_key(base, salt);
  return out;
}

// `device` is that of all pointers.
struct StepTable {
  // Fills *control (norm, scale as clip.h says, bad_tensor), counts the step if it is a good one, and writes
  // the constants of every plan, of no meaning if not. Under Stop a bad_tensor stays until the host clears
  // it, and nothing happens until then. `partial`: scratch of partial_count(plans) values. The result does
  // not depend on the number of threads.
  void (*measure)(Device device, const StepPlan* plans, int plan_count, const NormClipping& clipping,
                  OnNonFinite policy, double* partial, StepControl* control);
  // Updates weights and states in one pass, after those of a survey where a plan has one (survey.h); does
  // nothing where control->bad_tensor is set.
  void (*step)(Device device, const StepPlan* plans, int plan_count, const StepControl* control);
  // average += rest (weight - average), but average = weight after step number 1; nothing where
  // control->bad_tensor is set, that is after a step that changed nothing.
  void (*average)(Device device, const AveragePlan& plan, const StepControl* control);
  // One slot by itself (its values without a sign, not even -0, under the unsigned book), for loading state
  // of another codec and for looking into it: values of the codec's Value type to and from stored ones and an
  // absmax a block (null where the codec has none).
  void (*encode)(Device device, int codec, Book book, const Encoding& how, int block_size, const void* values,
                 int64_t count, void* stored, float* absmax);
  void (*decode)(Device device, int codec, Book book, int block_size, const void* stored, const float* absmax,
                 int64_t count, void* values);
};

const StepTable& cpu_steps();
// Errors of kind Device: the device has no optimizer steps.
const StepTable& steps_on(Device device);

// Elements that one thread (on a GPU: one block of threads) takes at a time: whole blocks. Of a small plan
// fewer, so that every multiprocessor of a GPU has some.
constexpr int64_t kChunk = 16384, kSmallChunk = 4096, kSmallPlan = 256 * kChunk;
static_assert(kSmallChunk >= kMaxBlock);
OCTET_HD inline int64_t blocks_per_chunk(const StepPlan& plan) {
  return (plan.block_count * plan.block_size <= kSmallPlan ? kSmallChunk : kChunk) / plan.block_size;
}
OCTET_HD inline int64_t chunk_count(const StepPlan& plan) {
  return (plan.block_count + blocks_per_chunk(plan) - 1) / blocks_per_chunk(plan);
}
inline int64_t partial_count(const StepPlan* plans, int plan_count) {
  int64_t sum = 0;
  for (int i = 0; i < plan_count; ++i) sum += chunk_count(plans[i]);
  return sum;
}

}  // namespace octet::optim
