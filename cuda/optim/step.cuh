// The one step kernel: any rule with any codec, all tensors of a plan in one launch.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "cuda/optim/lane.cuh"
#include "cuda/optim/steps.h"
#include "cuda/optim/survey.cuh"

namespace octet::cuda {

// Threads of a block: as many as the largest quantization block needs, where its size is not known.
template <int kBlock>
constexpr int kStepThreads = kBlock == 0 ? optim::kMaxBlock / kPerLane : 256;
static_assert(kStepThreads<optim::kDefaultBlock> * kPerLane / optim::kDefaultBlock % optim::kSectorBlocks ==
                  0,
              "blocks of threads would share sectors of absmax");
// Threads that a multiprocessor holds at once: 128 registers for each, so that nothing is spilled.
constexpr int kResidentThreads = 512;

// Steps a share of the plan: number `share` of `shares`. kBlock: plan.block_size, or 0 if it is known at run
// time alone.
template <class Rule, class Codec, class Weight, int kBlock, int kThreads>
__device__ void step_plan(const StepPlan& plan, const StepControl* control,
                          const typename LaneCodec<Codec>::Shared& shared, unsigned share, unsigned shares) {
  using T = typename Codec::Value;
  using Lanes = LaneCodec<Codec>;
  using Own = Lane<Rule, Codec, Weight, (optim::slot_count<Rule> > 0), true>;
  constexpr bool kNarrow = !std::is_same_v<Weight, T>;  // weights are rounded
  constexpr int kRoom = Own::kRoom;
  constexpr bool kFindsAbsmax = Own::kScaled && !Own::kGiven;
  const Seat seat(kBlock ? kBlock : plan.block_size);
  const int log_block_size = log2_of(seat.block_size);
  const uint32_t at_once = kThreads * kPerLane >> log_block_size;  // blocks that the threads take in a round
  const auto end = static_cast<uint32_t>(plan.block_count);
  const uint32_t start = share * at_once, hop = shares * at_once;
  if (start >= end) return;
  // The tensor of the block that this thread has in a round; past the end any, as nothing is valid there.
  const auto tensor_of = [&](uint32_t first) {
    constexpr auto kStretch = static_cast<uint32_t>(optim::stretch_of(Codec::scale));
    const uint32_t block = first + seat.block;
    return plan.tensor_of && block < end ? __ldg(plan.tensor_of + block / kStretch) : 0;
  };
  const auto lane = [&](uint32_t first, int tensor) {
    return Own(plan, tensor, first + seat.block, seat, log_block_size);
  };
  // What the next round needs is on its way while this one computes, and which tensor the one after it is of.
  int ahead = tensor_of(start + hop);
  Own next = lane(start, tensor_of(start));
  if constexpr (Own::kScaled) __syncthreads();  // for the tables
  const auto update = *static_cast<const typename Rule::template Update<T>*>(plan.update);
  const T max_value = static_cast<T>(plan.max_value);
  const T scale = static_cast<T>(control->scale);
  uint32_t base[kRoom] = {};
  for_each_slot<Rule>([&](auto slot) { base[slot] = optim::dither_base(plan.seed, slot, control->steps); });
  uint32_t weight_base = 0;
  if constexpr (kNarrow) weight_base = optim::dither_base(plan.seed, optim::kWeightSlot, control->steps);
  BlockMaximum<kRoom, kBlock> block_maximum;
  // All threads take part in every round, whether they have elements or not.
  for (uint32_t first = start; first < end; first += hop) {
    const Own own = next;
    const int tensor_ahead = ahead;
    ahead = tensor_of(first + 2 * hop);
    next = lane(first + hop, tensor_ahead);

    T weight[kPerLane], gradient[kPerLane], state[kRoom][kPerLane];
    unpack(own.weight, weight);
    unpack(own.gradient, gradient);
    if (isfinite(max_value)) {
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) gradient[i] = optim::limited(gradient[i], max_value);
    }
    for_each_slot<Rule>([&](auto slot) {
      Lanes::template decode<Rule::slots[slot].book>(shared, own.stored[slot], own.absmax[slot], state[slot]);
    });
    const T factor = static_cast<T>(own.factor);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      std::array<T, Own::kSlots> s;
      for_each_slot<Rule>([&](auto slot) { s[slot] = state[slot][i]; });
      optim::apply(update, weight[i], scale * gradient[i], s, factor);
      for_each_slot<Rule>([&](auto slot) { state[slot][i] = s[slot]; });
    }
    const StepTensor& tensor = plan.tensors[own.at.tensor];
    Valid valid(kPerLane * kWarp, seat.stride);
    if (!own.whole) {  // what is missing must not count in the block's largest
      valid = valid_elements(tensor, seat, own.at.block);
      for_each_slot<Rule>([&](auto slot) {
#pragma unroll
        for (int i = 0; i < kPerLane; ++i)
          if (!valid[i]) state[slot][i] = T();
      });
    }
    uint32_t largest[kRoom] = {};
    if constexpr (kFindsAbsmax) {
      for_each_slot<Rule>(
          [&](auto slot) { largest[slot] = largest_word<Rule::slots[slot].book>(state[slot]); });
      block_maximum(largest, seat.block_size);
      for_each_slot<Rule>([&](auto slot) {
        largest[slot] = absmax_bits<Rule::slots[slot].book>(largest[slot], plan.signed_absmax);
      });
    }
    if constexpr (Own::kGiven)
      for_each_slot<Rule>([&](auto slot) { largest[slot] = __float_as_uint(own.given[slot]); });
    // Where everything goes, read together and before the codes are found: between the stores each pointer
    // would be waited for in turn.
    void *const weights = tensor.weight, *states[kRoom] = {};
    float* scales[kRoom] = {};
    for_each_slot<Rule>(
        [&](auto slot) { states[slot] = tensor.state[slot], scales[slot] = tensor.absmax[slot]; });
    typename Own::Weights packed;
    typename Own::Stored stored[kRoom];
    if constexpr (kNarrow) {
      const Encoding how = optim::weight_encoding(plan, own.salt, weight_base);
      pack(weight, how, LaneNoise(how, static_cast<uint32_t>(seat.element(own.at.block)), seat.stride),
           packed);
    } else {
      pack(weight, packed);
    }
    for_each_slot<Rule>([&](auto slot) {
      constexpr optim::Slot kSlot = Rule::slots[slot];
      const Encoding how = optim::encoding_of(plan, own.salt, kSlot, base[slot]);
      const LaneNoise noise(how, static_cast<uint32_t>(seat.element(own.at.block)), seat.stride);
      Lanes::template encode<kSlot.book>(shared, how, noise, state[slot], largest[slot], stored[slot]);
    });
    own.store(packed, weights, seat, valid);
    for_each_slot<Rule>([&](auto slot) {
      own.store(stored[slot], states[slot], seat, valid);
      if constexpr (kFindsAbsmax) {
        if (valid.any() && seat.within == 0) scales[slot][own.at.block] = __uint_as_float(largest[slot]);
      }
    });
  }
}

// `plan`, and `rest`: a plan of the same rule with fp32 state and weights, of the tensors that are too small
// for the codec or for bf16; or one without tensors. The shares of the second are dealt from the other end,
// so that a small model's threads have one tile each.
template <class Rule, class Codec, class Weight, int kBlock>
__global__ void __launch_bounds__(kStepThreads<kBlock>, kResidentThreads / kStepThreads<kBlock>)
    step_kernel(const __grid_constant__ StepPlan plan, const __grid_constant__ StepPlan rest,
                const StepControl* control, const typename LaneCodec<Codec>::Tables* tables) {
  constexpr int kThreads = kStepThreads<kBlock>;
  __shared__ typename LaneCodec<Codec>::Shared shared;
  if constexpr (optim::slot_count<Rule> != 0) {
    TableUse use;
    for_each_slot<Rule>([&](auto slot) {
      constexpr optim::Slot kSlot = Rule::slots[slot];
      use.add(kSlot.book, optim::is_dithered(plan, kSlot));
    });
    shared.copy_tables(tables, use);
  }
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  if constexpr (Codec::scale != optim::Scale::None || std::is_same_v<Weight, BFloat16>)
    step_plan<Rule, optim::Fp32, float, optim::kPlainBlock, kThreads>(rest, control, {},
                                                                      gridDim.x - 1 - blockIdx.x, gridDim.x);
  step_plan<Rule, Codec, Weight, kBlock, kThreads>(plan, control, shared, blockIdx.x, gridDim.x);
}

template <class Rule, class Codec, class Weight, int kBlock>
void launch_step(const Context& c, const StepPlan& plan, const StepPlan& rest, const StepControl* control) {
  constexpr int kThreads = kStepThreads<kBlock>;
  const auto tiles = [](const StepPlan& p) {
    return ceil_div(p.block_count * p.block_size, int64_t{kThreads} * kPerLane);
  };
  const int64_t resident = int64_t{c.multiprocessors} * (kResidentThreads / kThreads);
  const auto* tables = LaneCodec<Codec>::tables(c);
  launch_early(c, step_kernel<Rule, Codec, Weight, kBlock>,
               static_cast<unsigned>(std::min(tiles(plan) + tiles(rest), resident)), kThreads, plan, rest,
               control, tables);
}

template <class Rule>
void step_rule(const Context& c, const StepPlan& plan, const StepPlan& rest, const StepControl* control) {
  if constexpr (optim::has_matrix_form<Rule>) {
    if (plan.matrices) return step_matrices<Rule>(c, plan, control);
  }
  survey_rule<Rule>(c, plan, control);
  survey_rule<Rule>(c, rest, control);
  optim::Codecs::for_each([&]<class Codec>(int place) {
    if (place != plan.codec) return;
    with_weight_type<Codec>(plan, [&]<class Weight>(std::type_identity<Weight>) {
      with_block_size<Codec>(
          plan, [&](auto block) { launch_step<Rule, Codec, Weight, block.value>(c, plan, rest, control); });
    });
  });
}

}  // namespace octet::cuda
