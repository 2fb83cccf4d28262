// What step_cpu.cpp compiles once for each SIMD level, and walks over the blocks of a plan.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/cpu/level.h"
#include "optim/step.h"
#include "optim/survey.h"

namespace octet::optim {

// Reads and writes the values of one slot in one block, at most kMaxBlock of the codec's Value type. `absmax`
// points to the block's own, and is null where a codec has none; `store` may change x.
struct SlotIo {
  void (*load)(const void* stored, const float* absmax, int count, void* x);
  void (*store)(void* x, int count, const Encoding& how, void* stored, float* absmax);
};

struct CodecIo {
  SlotIo by_book[2];
  int64_t stored_bytes(int64_t count) const { return count * bits / 8; }  // of whole blocks
  int bits;                                                               // of a stored value
  Scale scale;
};

// The passes of a rule's form for matrices (matrix-inl.h), each over one tile.
struct MatrixKernels {
  using Pass = void(const StepPlan& plan, const StepControl& control, int64_t piece);
  Pass *measure_lines, *update_lines, *measure_directions, *update;
};

// By places in Rules and Codecs.
struct LevelKernels {
  using StepBlocks = void (*)(const StepPlan& plan, const CodecIo& io, int64_t first_block,
                              int64_t last_block, const StepControl& control);
  StepBlocks step_double[Rules::size];               // fp64: the rule works on the state itself
  StepBlocks step_direct[Rules::size];               // fp32: likewise
  StepBlocks step_buffered[Rules::size];             // all others
  StepBlocks step_coded[Codecs::size][Rules::size];  // null: as the others
  // Surveys of the elements [from, to) of a tensor (survey-inl.h): sums, null where a rule has no factor, and
  // maxima.
  using Survey = void (*)(const StepPlan& plan, const CodecIo& io, const StepTensor& tensor, int64_t from,
                          int64_t to, const StepControl& control, SurveyPiece& out);
  Survey survey_double[Rules::size], survey_direct[Rules::size], survey_buffered[Rules::size];
  Survey survey_maxima[Rules::size];
  MatrixKernels matrix_double[Rules::size], matrix_float[Rules::size];  // of rules that have the form
  CodecIo io[Codecs::size];
  double (*sum_of_squares_float)(const float* x, int64_t count);
  double (*sum_of_squares_double)(const double* x, int64_t count);
  double (*sum_of_limited_squares_float)(const float* x, int64_t count, float bound);  // see clip.h
  double (*sum_of_limited_squares_double)(const double* x, int64_t count, double bound);
};

// The steps at one level, which this CPU must have.
const StepTable& cpu_steps(cpu::Level level);

// Of StepTable: plain code, as fast as memory at every level (average_cpu.cpp).
void average_on_cpu(Device device, const AveragePlan& plan, const StepControl* control);

// Calls body(tensor, from, to) for the elements [from, to) of each tensor that lie in blocks [first, last).
template <class Body>
void for_each_range(const StepPlan& plan, int64_t first, int64_t last, const Body& body) {
  const StepTensor* end = plan.tensors + plan.tensor_count;
  const auto starts_after = [](int64_t block, const StepTensor& t) { return block < t.first_block; };
  const StepTensor* tensor = std::upper_bound(plan.tensors, end, first, starts_after) - 1;
  for (; tensor < end && tensor->first_block < last; ++tensor) {
    const int64_t from = std::max<int64_t>(first - tensor->first_block, 0) * plan.block_size;
    const int64_t to = std::min((last - tensor->first_block) * plan.block_size, tensor->count);
    if (from < to) body(*tensor, from, to);
  }
}

inline const void* at(const void* data, int64_t bytes) { return static_cast<const std::byte*>(data) + bytes; }
inline void* at(void* data, int64_t bytes) { return static_cast<std::byte*>(data) + bytes; }

}  // namespace octet::optim
