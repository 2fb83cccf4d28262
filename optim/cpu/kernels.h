// What step_cpu.cpp compiles once for each SIMD level, and walks over the blocks of a plan.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/cpu/level.h"
#include "optim/step.h"

namespace octet::optim {

// By places in Rules and Codecs.
struct LevelKernels {
  using StepBlocks = void (*)(const StepPlan& plan, int64_t first_block, int64_t last_block, double scale);
  StepBlocks step_blocks[Rules::size][Codecs::size];
  double (*sum_of_squares[Codecs::size])(const void* x, int64_t count);
  void (*encode[Codecs::size])(Book book, SecondMoment mode, int block_size, const void* values,
                               int64_t count, void* stored, float* absmax);
  void (*decode[Codecs::size])(Book book, int block_size, const void* stored, const float* absmax,
                               int64_t count, void* values);
};

// The steps at one level, which this CPU must have.
const StepTable& cpu_steps(cpu::Level level);

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

// Bytes of a codec's Value and Stored types.
inline int64_t value_size(int codec) {
  static constexpr auto sizes = [] {
    std::array<int64_t, Codecs::size> out{};
    Codecs::for_each(
        [&]<class Codec>(int i) { out[static_cast<size_t>(i)] = sizeof(typename Codec::Value); });
    return out;
  }();
  return sizes[static_cast<size_t>(codec)];
}
inline int64_t stored_size(int codec) {
  static constexpr auto sizes = [] {
    std::array<int64_t, Codecs::size> out{};
    Codecs::for_each(
        [&]<class Codec>(int i) { out[static_cast<size_t>(i)] = sizeof(typename Codec::Stored); });
    return out;
  }();
  return sizes[static_cast<size_t>(codec)];
}

inline const void* at(const void* data, int64_t bytes) { return static_cast<const std::byte*>(data) + bytes; }
inline void* at(void* data, int64_t bytes) { return static_cast<std::byte*>(data) + bytes; }

}  // namespace octet::optim
