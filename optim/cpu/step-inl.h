// The one step loop of the CPU: any rule with any codec, block by block. The rule is a scalar functor; the compiler
// vectorises the loop around it for each SIMD level. Contraction is off, so every level rounds alike.
#if defined(OCTET_OPTIM_CPU_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_STEP_INL_H_
#undef OCTET_OPTIM_CPU_STEP_INL_H_
#else
#define OCTET_OPTIM_CPU_STEP_INL_H_
#endif

#include <algorithm>
#include <cstring>
#include <utility>

#include "hwy/highway.h"
#include "optim/cpu/codecs-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// state: one array a slot, [count] each.
template <class Update, class T, class... State>
void update_block(const Update update, T* HWY_RESTRICT weight, const T* HWY_RESTRICT gradient, T scale, int count,
                  State* HWY_RESTRICT... state) {
#pragma GCC ivdep
  for (int i = 0; i < count; ++i) {
    T s[] = {state[i]...};
    update(weight[i], scale * gradient[i], s);
    int slot = 0;
    ((state[i] = s[slot++]), ...);
  }
}

template <class Rule, class Codec, int... kSlot>
void step_block(const typename Rule::template Update<typename Codec::Value>& update, const StepTensor& tensor,
                int64_t block, int block_size, typename Codec::Value scale,
                typename Codec::Value (&buffer)[sizeof...(kSlot)][kMaxBlock],
                std::integer_sequence<int, kSlot...>) {
  using T = typename Codec::Value;
  using Io = BlockIo<Codec>;
  const int64_t first = block * block_size;
  const int count = static_cast<int>(std::min<int64_t>(block_size, tensor.count - first));
  typename Codec::Stored* stored[] = {static_cast<typename Codec::Stored*>(tensor.state[kSlot]) + first...};
  float* absmax[] = {(Codec::blockwise ? tensor.absmax[kSlot] + block : nullptr)...};
  T* state[] = {Io::template load<Rule::slots[kSlot].book>(stored[kSlot], absmax[kSlot], count, buffer[kSlot])...};
  update_block(update, static_cast<T*>(tensor.weight) + first, static_cast<const T*>(tensor.gradient) + first, scale,
               count, state[kSlot]...);
  (Io::template store<Rule::slots[kSlot].book>(state[kSlot], count, stored[kSlot], absmax[kSlot]), ...);
}

// Steps blocks [first, last) of the plan.
template <class Rule, class Codec>
void step_blocks(const StepPlan& plan, int64_t first, int64_t last, double scale) {
  using T = typename Codec::Value;
  using Update = typename Rule::template Update<T>;
  static_assert(sizeof(Update) <= kUpdateBytes && std::is_trivially_copyable_v<Update>);
  static_assert(slot_count<Rule> <= kMaxSlots);
  Update update;
  std::memcpy(&update, plan.update, sizeof update);
  HWY_ALIGN T buffer[slot_count<Rule>][kMaxBlock];

  const StepTensor* end = plan.tensors + plan.tensor_count;
  const StepTensor* tensor = std::upper_bound(plan.tensors, end, first, [](int64_t block, const StepTensor& t) {
                               return block < t.first_block;
                             }) - 1;
  while (first < last) {
    const int64_t next = tensor + 1 == end ? plan.block_count : tensor[1].first_block;
    for (const int64_t stop = std::min(next, last); first < stop; ++first)
      if (tensor->gradient)
        step_block<Rule, Codec>(update, *tensor, first - tensor->first_block, plan.block_size, static_cast<T>(scale),
                                buffer, std::make_integer_sequence<int, slot_count<Rule>>());
    ++tensor;
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
