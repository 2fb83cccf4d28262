// The survey kernel: what the step would compute in each piece of each tensor of a plan, without storing it.
#pragma once

#include <array>

#include "cuda/optim/codec.cuh"
#include "cuda/optim/steps.h"
#include "optim/survey.h"

namespace octet::cuda {

using optim::SurveyPiece;
using optim::TensorSurvey;

template <class Rule, class T>
__device__ T factor_of(const StepPlan& plan, int tensor) {
  if constexpr (optim::has_factor<Rule>) return static_cast<T>(optim::tensor_surveys(plan)[tensor].factor);
  return T(1);
}

// Of the values of all threads of a block, in thread 0; always in the same order.
template <int kCount>
__device__ void block_sums(double (&x)[kCount]) {
  __shared__ double sums[kCount][1024 / kWarp];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    x[k] = warp_sum(x[k]);
    if (threadIdx.x % kWarp == 0) sums[k][threadIdx.x / kWarp] = x[k];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    x[k] = 0;
    for (unsigned i = 0; i < blockDim.x / kWarp; ++i) x[k] += sums[k][i];
  }
}
template <int kCount>
__device__ void block_maxima(uint32_t (&x)[kCount]) {
  __shared__ uint32_t maxima[kCount][1024 / kWarp];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    x[k] = largest_of_lanes(x[k], kWarp);
    if (threadIdx.x % kWarp == 0) maxima[k][threadIdx.x / kWarp] = x[k];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
#pragma unroll
  for (int k = 0; k < kCount; ++k)
    for (unsigned i = 0; i < blockDim.x / kWarp; ++i) x[k] = max(x[k], maxima[k][i]);
}

// As many threads as the largest quantization block needs.
constexpr int kSurveyThreads = optim::kMaxBlock / kPerLane;

template <int kBits>
__device__ Packed<kBits> load_packed(const void* base, const Seat& seat, uint32_t block, const Valid& valid) {
  Packed<kBits> out;
  if (valid.all() && out.aligned(base)) {
    out.load(out.address(base, seat, block), seat.stride);
  } else {
    out.load(out.address(base, seat, block), seat.stride, valid);
  }
  return out;
}

enum class Survey { Sums, Maxima };

// A block of threads has one piece after another.
template <class Rule, class Codec, Survey kSurvey>
__global__ void __launch_bounds__(kSurveyThreads)
    survey_kernel(const __grid_constant__ StepPlan plan, const StepControl* control,
                  const typename LaneCodec<Codec>::Tables* tables) {
  using T = typename Codec::Value;
  using Lanes = LaneCodec<Codec>;
  constexpr int kSlots = optim::slot_count<Rule>, kRoom = kSlots > 0 ? kSlots : 1;
  constexpr bool kState = kSlots > 0 && (kSurvey == Survey::Maxima || optim::measures_state<Rule>);
  if (control->bad_tensor >= 0) return;
  __shared__ typename Lanes::Shared shared;
  if constexpr (kState) shared.fill(tables, {});
  const auto update = *static_cast<const typename Rule::template Update<T>*>(plan.update);
  const T max_value = static_cast<T>(plan.max_value), scale = static_cast<T>(control->scale);
  const Seat seat(plan.block_size);
  const int log_block_size = log2_of(plan.block_size);
  const auto in_piece = static_cast<uint32_t>(optim::kPiece >> log_block_size);  // blocks
  const uint32_t at_once = kSurveyThreads * kPerLane >> log_block_size;
  for (int64_t piece = blockIdx.x; piece < plan.piece_count; piece += gridDim.x) {
    const int place = optim::tensor_of_piece(plan, piece);
    const StepTensor& tensor = plan.tensors[place];
    if (!tensor.gradient) continue;
    const uint32_t first = static_cast<uint32_t>(piece - tensor.first_piece) * in_piece;
    const auto blocks = static_cast<uint32_t>((tensor.count + plan.block_size - 1) >> log_block_size);
    const uint32_t last = min(first + in_piece, blocks);
    const T factor = factor_of<Rule, T>(plan, place);
    double sums[2] = {};
    uint32_t largest[kRoom] = {};
    for (uint32_t block = first + seat.block; block < last; block += at_once) {
      const Valid valid = valid_elements(tensor, seat, block);
      T weight[kPerLane], gradient[kPerLane], state[kRoom][kPerLane];
      unpack(load_packed<8 * sizeof(T)>(tensor.weight, seat, block, valid), weight);
      unpack(load_packed<8 * sizeof(T)>(tensor.gradient, seat, block, valid), gradient);
      if constexpr (kState) {
        for_each_slot<Rule>([&](auto slot) {
          const auto stored = load_packed<kStoredBits<Codec>>(tensor.state[slot], seat, block, valid);
          float absmax = 0;
          if constexpr (Codec::scale == optim::Scale::Tensor) absmax = *tensor.absmax[slot];
          if constexpr (Codec::scale == optim::Scale::Block) absmax = tensor.absmax[slot][block];
          Lanes::template decode<Rule::slots[slot].book>(shared, stored, absmax, state[slot]);
        });
      }
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) {
        if (!valid[i]) continue;
        std::array<T, kSlots> s{};
        if constexpr (kState) for_each_slot<Rule>([&](auto slot) { s[slot] = state[slot][i]; });
        const T g = scale * optim::limited(gradient[i], max_value);
        if constexpr (kSurvey == Survey::Sums) {
          const auto w = static_cast<double>(weight[i]);
          const auto u = static_cast<double>(optim::measured(update, weight[i], g, s));
          sums[0] = fma(w, w, sums[0]);
          sums[1] = fma(u, u, sums[1]);
        } else {
          optim::apply(update, weight[i], g, s, factor);
          for_each_slot<Rule>(
              [&](auto slot) { largest[slot] = max(largest[slot], __float_as_uint(s[slot]) & 0x7FFFFFFFu); });
        }
      }
    }
    SurveyPiece& out = optim::survey_pieces(plan)[piece];
    if constexpr (kSurvey == Survey::Sums) {
      block_sums(sums);
      if (threadIdx.x == 0) out.weight = sums[0], out.measured = sums[1];
    } else {
      block_maxima(largest);
      if (threadIdx.x == 0)
        for_each_slot<Rule>([&](auto slot) { out.largest[slot] = __uint_as_float(largest[slot]); });
    }
  }
}

template <class Rule, class Codec, Survey kSurvey>
void launch_survey(const Context& c, const StepPlan& plan, const StepControl* control) {
  const int64_t resident = int64_t{c.multiprocessors} * (1024 / kSurveyThreads);
  survey_kernel<Rule, Codec, kSurvey>
      <<<static_cast<unsigned>(std::min(plan.piece_count, resident)), kSurveyThreads, 0, c.stream>>>(
          plan, control, LaneCodec<Codec>::tables(c));
  check_launch();
}

// The passes that the step of this rule and the plan's codec needs beforehand, which are none for most.
template <class Rule>
void survey_rule(const Context& c, const StepPlan& plan, const StepControl* control) {
  if (plan.piece_count == 0) return;
  optim::Codecs::for_each([&]<class Codec>(int place) {
    if (place != plan.codec) return;
    if constexpr (optim::has_factor<Rule>) {
      launch_survey<Rule, Codec, Survey::Sums>(c, plan, control);
      find_factors(c, plan, control);
    }
    if constexpr (Codec::scale == optim::Scale::Tensor && optim::slot_count < Rule >> 0) {
      launch_survey<Rule, Codec, Survey::Maxima>(c, plan, control);
      find_absmax(c, plan, control, optim::slot_count<Rule>);
    }
  });
}

}  // namespace octet::cuda
