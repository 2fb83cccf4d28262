// The one step loop of the CPU: any rule with any codec, block by block. The rule is a scalar functor; the
// compiler vectorises the loop around it for each SIMD level. Contraction is off, so every level rounds
// alike.
#if defined(OCTET_OPTIM_CPU_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_STEP_INL_H_
#undef OCTET_OPTIM_CPU_STEP_INL_H_
#else
#define OCTET_OPTIM_CPU_STEP_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <hwy/highway.h>
#include "optim/cpu/codecs-inl.h"
#include "optim/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// state: one array a slot, [count] each.
template <class Update, class T, class... State>
void update_block(const Update update, T* HWY_RESTRICT weight, const T* HWY_RESTRICT gradient, T scale,
                  int count, State* HWY_RESTRICT... state) {
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) {
    std::array<T, sizeof...(State)> s{state[i]...};
    update(weight[i], scale * gradient[i], s);
    [[maybe_unused]] size_t slot = 0;
    ((state[i] = s[slot++]), ...);
  }
}

// Between the values of two slots, lest they be a power of two apart and fall into the same cache sets.
constexpr int kGap = 64;

// buffer: [slots, block_size + kGap]; a rule without slots has no use for some of this
template <class Rule, class Codec, size_t... kSlot>
void step_block(const typename Rule::template Update<typename Codec::Value>& update, const StepTensor& tensor,
                int64_t block, int block_size, [[maybe_unused]] SecondMoment mode,
                typename Codec::Value scale, [[maybe_unused]] typename Codec::Value* buffer,
                std::index_sequence<kSlot...>) {
  using T = typename Codec::Value;
  using Io = BlockIo<Codec>;
  const int64_t stride = block_size + kGap;
  const int64_t first = block * block_size;
  const int count = static_cast<int>(std::min<int64_t>(block_size, tensor.count - first));
  constexpr size_t kSlots = sizeof...(kSlot);
  [[maybe_unused]] const std::array<typename Codec::Stored*, kSlots> stored{
      (static_cast<typename Codec::Stored*>(tensor.state[kSlot]) + first)...};
  [[maybe_unused]] const std::array<float*, kSlots> absmax{
      (Codec::blockwise ? tensor.absmax[kSlot] + block : nullptr)...};
  const std::array<T*, kSlots> state{Io::template load<Rule::slots[kSlot].book>(
      stored[kSlot], absmax[kSlot], count, buffer + kSlot * stride)...};
  update_block(update, static_cast<T*>(tensor.weight) + first, static_cast<const T*>(tensor.gradient) + first,
               scale, count, state[kSlot]...);
  (Io::template store<Rule::slots[kSlot].book>(state[kSlot], count, mode, stored[kSlot], absmax[kSlot]), ...);
}

// Steps blocks [first, last) of the plan.
template <class Rule, class Codec>
void step_blocks(const StepPlan& plan, int64_t first, int64_t last, double scale) {
  using T = typename Codec::Value;
  using Update = typename Rule::template Update<T>;
  static_assert(slot_count<Rule> <= kMaxSlots);
  Update update;
  std::memcpy(&update, plan.update, sizeof update);
  HWY_ALIGN std::array<T, slot_count<Rule>*(kMaxBlock + kGap)> buffer;
  for_each_range(plan, first, last, [&](const StepTensor& tensor, int64_t from, int64_t to) {
    if (!tensor.gradient) return;
    for (; from < to; from += plan.block_size)
      step_block<Rule, Codec>(update, tensor, from / plan.block_size, plan.block_size, plan.second_moment,
                              static_cast<T>(scale), buffer.data(),
                              std::make_index_sequence<slot_count<Rule>>());
  });
}

// One slot's values [0, count), `count` not bound to a block.
template <class Codec>
void encode_blocks(Book book, SecondMoment mode, int block_size, const void* values, int64_t count,
                   void* stored, float* absmax) {
  using T = typename Codec::Value;
  using S = typename Codec::Stored;
  HWY_ALIGN T buffer[kMaxBlock];
  for (int64_t first = 0; first < count; first += block_size) {
    const int n = static_cast<int>(std::min<int64_t>(block_size, count - first));
    std::copy_n(static_cast<const T*>(values) + first, n, buffer);
    S* to = static_cast<S*>(stored) + first;
    float* largest = Codec::blockwise ? absmax + first / block_size : nullptr;
    if constexpr (std::is_same_v<S, T>) {
      std::copy_n(buffer, n, to);
    } else if (book == Book::Signed) {
      BlockIo<Codec>::template store<Book::Signed>(buffer, n, mode, to, largest);
    } else {
      BlockIo<Codec>::template store<Book::Unsigned>(buffer, n, mode, to, largest);
    }
  }
}

template <class Codec>
void decode_blocks(Book book, int block_size, const void* stored, const float* absmax, int64_t count,
                   void* values) {
  using T = typename Codec::Value;
  using S = typename Codec::Stored;
  for (int64_t first = 0; first < count; first += block_size) {
    const int n = static_cast<int>(std::min<int64_t>(block_size, count - first));
    const S* from = static_cast<const S*>(stored) + first;
    T* to = static_cast<T*>(values) + first;
    const float* largest = Codec::blockwise ? absmax + first / block_size : nullptr;
    if constexpr (std::is_same_v<S, T>) {
      std::copy_n(from, n, to);
    } else if (book == Book::Signed) {
      BlockIo<Codec>::template load<Book::Signed>(from, largest, n, to);
    } else {
      BlockIo<Codec>::template load<Book::Unsigned>(from, largest, n, to);
    }
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
