// A lane's eight elements of a round: where they are in memory, and what is read of them.
#pragma once

#include <type_traits>

#include "cuda/optim/codec.cuh"
#include "optim/survey.h"

namespace octet::cuda {

// Weight: Codec::Value or BFloat16. kState: the state is read too, not only weights and gradients. kSurveyed:
// a survey has put the new absmax of tensors into the place of the old one.
template <class Rule, class Codec, class Weight, bool kState, bool kSurveyed>
struct Lane {
  using T = typename Codec::Value;
  using Values = Packed<8 * sizeof(T)>;
  using Weights = Packed<8 * sizeof(Weight)>;
  using Stored = typename LaneCodec<Codec>::Stored;
  static constexpr int kSlots = optim::slot_count<Rule>;
  static constexpr int kRoom = kSlots > 0 ? kSlots : 1;  // of arrays, which cannot be empty
  static constexpr bool kScaled = Codec::scale != optim::Scale::None && kState;
  static constexpr bool kGiven = Codec::scale == optim::Scale::Tensor && kState && kSurveyed;

  Place at;
  uint32_t salt;  // the tensor's: read when it is time to store, it would be waited for
  bool whole;     // all elements exist, and everything can be loaded and stored as vectors
  Weights weight;
  Values gradient;
  Stored stored[kRoom];
  float absmax[kRoom] = {};
  // What a survey has found: the absmax to encode with, and the rule's factor.
  float given[kRoom] = {};
  double factor = 1;

  // Of a block of the plan, which is of this tensor.
  __device__ Lane(const StepPlan& plan, int tensor, uint32_t block, const Seat& seat, int log_block_size)
      : Lane(plan, {tensor, block - static_cast<uint32_t>(plan.tensors[tensor].first_block)}, seat,
             log_block_size) {}
  // Loads what is there, and zeros in place of the rest.
  __device__ Lane(const StepPlan& plan, const Place& place, const Seat& seat, int log_block_size)
      : at(place) {
    const StepTensor& tensor = plan.tensors[at.tensor];
    const void *const weights = tensor.weight, *const gradients = tensor.gradient;
    salt = tensor.salt;
    const void* states[kRoom] = {};
    const float *largest[kRoom] = {}, *found[kRoom] = {};
    whole = is_whole(tensor, at.block, log_block_size);
    if constexpr (kState)
      for_each_slot<Rule>([&](auto slot) {
        states[slot] = tensor.state[slot];
        found[slot] = tensor.absmax[slot];
        largest[slot] = kGiven ? optim::tensor_surveys(plan)[at.tensor].old_absmax + slot : found[slot];
      });
    // Before the rest, and all of it here: what waited for a pointer or a number behind them would wait for
    // them. Through L1, as eight warps find theirs in one sector.
    const auto load_scales = [&] {
      if constexpr (kSurveyed && optim::has_factor<Rule>)
        factor = __ldca(&optim::tensor_surveys(plan)[at.tensor].factor);
      if constexpr (kScaled)
        for_each_slot<Rule>([&](auto slot) {
          absmax[slot] = __ldca(largest[slot] + (Codec::scale == optim::Scale::Block ? at.block : 0));
          if constexpr (kGiven) given[slot] = __ldca(found[slot]);
        });
    };
    if (whole) {
      load_scales();
      weight.load(Weights::address(weights, seat, at.block), seat.stride);
      gradient.load(Values::address(gradients, seat, at.block), seat.stride);
      if constexpr (kState)
        for_each_slot<Rule>([&](auto slot) {
          stored[slot].load(Stored::address(states[slot], seat, at.block), seat.stride);
        });
    } else {
      const Valid valid = valid_elements(tensor, seat, at.block);
      if (valid.any()) load_scales();
      weight.load(Weights::address(weights, seat, at.block), seat.stride, valid);
      gradient.load(Values::address(gradients, seat, at.block), seat.stride, valid);
      if constexpr (kState)
        for_each_slot<Rule>([&](auto slot) {
          stored[slot].load(Stored::address(states[slot], seat, at.block), seat.stride, valid);
        });
    }
  }

  template <class P>
  __device__ void store(const P& packed, void* base, const Seat& seat, const Valid& valid) const {
    uint8_t* const to = P::address(base, seat, at.block);
    if (whole) {
      packed.store(to, seat.stride);
    } else {
      packed.store(to, seat.stride, valid);
    }
  }
};

// Calls body(std::type_identity) of the type of a plan's weights.
template <class Codec, class Body>
void with_weight_type(const StepPlan& plan, const Body& body) {
  if constexpr (std::is_same_v<typename Codec::Value, float>) {
    if (plan.bf16_weights) return body(std::type_identity<BFloat16>());
  }
  body(std::type_identity<typename Codec::Value>());
}

// Calls body(block size) with a constant: the plan's block size where kernels are made for it, else 0.
template <class Codec, class Body>
void with_block_size(const StepPlan& plan, const Body& body) {
  if constexpr (Codec::scale != optim::Scale::Block) {
    body(std::integral_constant<int, optim::kPlainBlock>());
  } else {
    if constexpr (std::is_same_v<Codec, optim::Blockwise8> || std::is_same_v<Codec, optim::Blockwise4>) {
      if (plan.block_size == optim::kDefaultBlock)
        return body(std::integral_constant<int, optim::kDefaultBlock>());
    }
    body(std::integral_constant<int, 0>());
  }
}

}  // namespace octet::cuda
