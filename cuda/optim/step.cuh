// The one step kernel: any rule with any codec, all tensors of a plan in one launch.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "cuda/optim/codec.cuh"
#include "cuda/optim/steps.h"
#include "cuda/optim/survey.cuh"

namespace octet::cuda {

// Threads of a block: as many as the largest quantization block needs, where its size is not known.
template <int kBlock>
constexpr int kStepThreads = kBlock == 0 ? optim::kMaxBlock / kPerLane : 256;
// Threads that a multiprocessor holds at once: 64 registers for each, twice as many in double.
template <class T>
constexpr int kResidentThreads = sizeof(T) == 8 ? 512 : 1024;

// kBlock: plan.block_size, or 0 if it is known at run time alone.
template <class Rule, class Codec, int kBlock>
__global__ void __launch_bounds__(kStepThreads<kBlock>,
                                  kResidentThreads<typename Codec::Value> / kStepThreads<kBlock>)
    step_kernel(const __grid_constant__ StepPlan plan, const StepControl* control,
                const typename LaneCodec<Codec>::Tables* tables) {
  using T = typename Codec::Value;
  using Lanes = LaneCodec<Codec>;
  constexpr bool kScaled = Codec::scale == optim::Scale::Block;
  constexpr bool kTensorScaled = Codec::scale == optim::Scale::Tensor;
  constexpr int kSlots = optim::slot_count<Rule>;
  constexpr int kRoom = kSlots > 0 ? kSlots : 1;  // of arrays, which cannot be empty
  if (control->bad_tensor >= 0) return;
  __shared__ typename Lanes::Shared shared;
  if constexpr (kSlots > 0) shared.fill(tables);
  const auto update = *static_cast<const typename Rule::template Update<T>*>(plan.update);
  const T scale = static_cast<T>(control->scale);
  const int block_size = kBlock ? kBlock : plan.block_size;
  const int64_t end = plan.block_count * block_size;
  constexpr int kStride = group_stride(kBlock);
  constexpr int64_t kTile = int64_t{kStepThreads<kBlock>} * kPerLane;
  Cursor cursor;
  BlockMaximum<kRoom, kBlock> block_maximum;
  // All threads take part in every round, whether they have elements or not.
  for (int64_t tile = blockIdx.x * kTile; tile < end; tile += gridDim.x * kTile) {
    const int64_t position = tile + first_of_lane(kStride);
    const Place at = cursor.find(plan, log2_of(block_size), position, kStride);
    const StepTensor& tensor = plan.tensors[at.tensor];

    T* const weights = static_cast<T*>(tensor.weight) + at.element;
    T weight[kPerLane], gradient[kPerLane], state[kRoom][kPerLane];
    typename Lanes::S stored[kRoom][kPerLane];
    float absmax[kRoom] = {};
    load<T>(weights, kStride, at.valid, weight);
    load<T>(static_cast<const T*>(tensor.gradient) + at.element, kStride, at.valid, gradient);
    for_each_slot<Rule>([&](auto slot) {
      Lanes::load(tensor.state[slot], at.element, kStride, at.valid, stored[slot]);
      if (kScaled && at.valid.any()) absmax[slot] = tensor.absmax[slot][at.block];
      if (kTensorScaled) absmax[slot] = optim::tensor_surveys(plan)[at.tensor].old_absmax[slot];
    });
    for_each_slot<Rule>([&](auto slot) {
      Lanes::template decode<Rule::slots[slot].book>(shared, stored[slot], absmax[slot], state[slot]);
    });

    const T factor = factor_of<Rule, T>(plan, at.tensor);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      std::array<T, kSlots> s;
      for_each_slot<Rule>([&](auto slot) { s[slot] = state[slot][i]; });
      optim::apply(update, weight[i], scale * gradient[i], s, factor);
      for_each_slot<Rule>([&](auto slot) { state[slot][i] = s[slot]; });
    }
    store(weight, kStride, at.valid, weights);
    if (!at.valid[kPerLane - 1]) {  // what is missing must not count in the block's largest
      for_each_slot<Rule>([&](auto slot) {
#pragma unroll
        for (int i = 0; i < kPerLane; ++i)
          if (!at.valid[i]) state[slot][i] = T();
      });
    }

    uint32_t largest[kRoom] = {};
    if constexpr (kScaled && kSlots > 0) {
      for_each_slot<Rule>([&](auto slot) { largest[slot] = largest_bits(state[slot]); });
      block_maximum(largest, block_size);
    }
    if constexpr (kTensorScaled) {
      for_each_slot<Rule>([&](auto slot) {
        if (at.valid.any()) largest[slot] = __float_as_uint(*tensor.absmax[slot]);
      });
    }
    for_each_slot<Rule>([&](auto slot) {
      const Encoding how = optim::encoding_of(plan, tensor, slot, control->steps);
      Lanes::template encode<Rule::slots[slot].book>(shared, how,
                                                     {static_cast<uint32_t>(at.element), kStride},
                                                     state[slot], largest[slot], stored[slot]);
      Lanes::store(stored[slot], kStride, at.valid, tensor.state[slot], at.element);
      if (kScaled && at.valid.any() && position % block_size == 0)
        tensor.absmax[slot][at.block] = __uint_as_float(largest[slot]);
    });
  }
}

template <class Rule, class Codec, int kBlock>
void launch_step(const Context& c, const StepPlan& plan, const StepControl* control) {
  constexpr int kThreads = kStepThreads<kBlock>;
  const int64_t tiles = ceil_div(plan.block_count * plan.block_size, int64_t{kThreads} * kPerLane);
  const int64_t resident = int64_t{c.multiprocessors} * (kResidentThreads<typename Codec::Value> / kThreads);
  const auto* tables = LaneCodec<Codec>::tables(c);
  step_kernel<Rule, Codec, kBlock>
      <<<static_cast<unsigned>(std::min(tiles, resident)), kThreads, 0, c.stream>>>(plan, control, tables);
  check_launch();
}

template <class Rule>
void step_rule(const Context& c, const StepPlan& plan, const StepControl* control) {
  if constexpr (optim::has_matrix_form<Rule>) {
    if (plan.matrices) return step_matrices<Rule>(c, plan, control);
  }
  survey_rule<Rule>(c, plan, control);
  optim::Codecs::for_each([&]<class Codec>(int place) {
    if (place != plan.codec) return;
    if constexpr (Codec::scale != optim::Scale::Block) {
      launch_step<Rule, Codec, optim::kPlainBlock>(c, plan, control);
    } else if constexpr (Codec::own_block_size != 0) {
      launch_step<Rule, Codec, Codec::own_block_size <= optim::kDefaultBlock ? Codec::own_block_size : 0>(
          c, plan, control);
    } else if (std::is_same_v<Codec, optim::Blockwise8> && plan.block_size == optim::kDefaultBlock) {
      launch_step<Rule, optim::Blockwise8, optim::kDefaultBlock>(c, plan, control);
    } else {
      launch_step<Rule, Codec, 0>(c, plan, control);
    }
  });
}

}  // namespace octet::cuda
