// The survey kernel: what the step would compute in each piece of each tensor of a plan, without storing it.
#pragma once

#include <array>

#include "cuda/optim/fold.cuh"
#include "cuda/optim/lane.cuh"
#include "cuda/optim/steps.h"

namespace octet::cuda {

using optim::SurveyPiece;
using optim::TensorSurvey;

template <class Rule, class T>
__device__ T factor_of(const StepPlan& plan, int tensor) {
  if constexpr (optim::has_factor<Rule>) return static_cast<T>(optim::tensor_surveys(plan)[tensor].factor);
  return T(1);
}

// As many threads as the largest quantization block needs.
constexpr int kSurveyThreads = optim::kMaxBlock / kPerLane;

enum class Survey { Sums, Maxima };

template <class Rule, Survey kSurvey>
constexpr bool surveys_state = optim::slot_count<Rule> > 0 &&
                               (kSurvey == Survey::Maxima || optim::measures_state<Rule>);
// Blocks of threads that a multiprocessor holds at once; with state they need twice the registers.
template <class Rule, Survey kSurvey>
constexpr int kSurveyBlocks = surveys_state<Rule, kSurvey> ? 1 : 2;

// A block of threads has one piece after another, from the last to the first: most often it so begins with
// what the norm pass has left in the GPU's L2 cache, and leaves there what the step reads first. kBlock:
// plan.block_size, or 0 if it is known at run time alone.
template <class Rule, class Codec, class Weight, Survey kSurvey, int kBlock>
__global__ void __launch_bounds__(kSurveyThreads, kSurveyBlocks<Rule, kSurvey>)
    survey_kernel(const __grid_constant__ StepPlan plan, const StepControl* control,
                  const typename LaneCodec<Codec>::Tables* tables) {
  using T = typename Codec::Value;
  using Lanes = LaneCodec<Codec>;
  constexpr int kSlots = optim::slot_count<Rule>, kRoom = kSlots > 0 ? kSlots : 1;
  constexpr bool kState = surveys_state<Rule, kSurvey>;
  using Own = Lane<Rule, Codec, Weight, kState, false>;
  constexpr int kRounds = optim::kPiece / (kSurveyThreads * kPerLane);
  __shared__ typename Lanes::Shared shared;
  if constexpr (kState) shared.copy_tables(tables, {});
  wait_for_previous();
  if (control->bad_tensor >= 0) return;
  const Seat seat(kBlock ? kBlock : plan.block_size);
  const int log_block_size = log2_of(seat.block_size);
  const auto in_piece = static_cast<uint32_t>(optim::kPiece >> log_block_size);  // blocks
  const uint32_t at_once = kSurveyThreads * kPerLane >> log_block_size;
  int tensor = 0;
  uint32_t first = 0;  // block of the piece
  const auto lane = [&](int64_t piece, int round) {
    if (piece < 0) return Own(plan, {0, UINT32_MAX}, seat, log_block_size);  // nothing is valid
    if (round == 0) {
      tensor = optim::tensor_of_piece(plan, piece);
      first = static_cast<uint32_t>(piece - plan.tensors[tensor].first_piece) * in_piece;
    }
    return Own(plan, {tensor, first + static_cast<uint32_t>(round) * at_once + seat.block}, seat,
               log_block_size);
  };
  // As in a step, what the next round needs is on its way while this one computes.
  int64_t piece = plan.piece_count - 1 - blockIdx.x;
  Own next = lane(piece, 0);
  if constexpr (Own::kScaled) __syncthreads();  // for the tables
  const auto update = *static_cast<const typename Rule::template Update<T>*>(plan.update);
  const T max_value = static_cast<T>(plan.max_value), scale = static_cast<T>(control->scale);
  double sums[2] = {};
  uint32_t largest[kRoom] = {};
  BlockFold<Sum, 2> add_up;
  BlockFold<Largest, kRoom> find_largest;
  for (int round = 0; piece >= 0;) {
    const bool last = round + 1 == kRounds;
    const Own own = next;
    Valid valid(kPerLane * kWarp, seat.stride);
    if (!own.whole) valid = valid_elements(plan.tensors[own.at.tensor], seat, own.at.block);
    const T factor = factor_of<Rule, T>(plan, own.at.tensor);
    T weight[kPerLane], gradient[kPerLane], state[kRoom][kPerLane];
    unpack(own.weight, weight);
    unpack(own.gradient, gradient);
    if constexpr (kState) {
      for_each_slot<Rule>([&](auto slot) {
        Lanes::template decode<Rule::slots[slot].book>(shared, own.stored[slot], own.absmax[slot],
                                                       state[slot]);
      });
    }
    // What waits for one load of a lane waits for all, so those of the next round begin when this round's are
    // there: after the codes' look-ups, or else after everything.
    const auto begin_next = [&] { next = lane(last ? piece - gridDim.x : piece, last ? 0 : round + 1); };
    if constexpr (kState) begin_next();
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      std::array<T, kSlots> s{};
      const T g = scale * optim::limited(gradient[i], max_value);
      if constexpr (kState) for_each_slot<Rule>([&](auto slot) { s[slot] = state[slot][i]; });
      if constexpr (kSurvey == Survey::Sums) {
        const auto w = static_cast<double>(weight[i]);
        const auto u = static_cast<double>(optim::measured(update, weight[i], g, s));
        if (!valid[i]) continue;
        sums[0] = fma(w, w, sums[0]);
        sums[1] = fma(u, u, sums[1]);
      } else {
        optim::apply(update, weight[i], g, s, factor);
        if (!valid[i]) continue;
        for_each_slot<Rule>(
            [&](auto slot) { largest[slot] = max(largest[slot], __float_as_uint(s[slot]) & 0x7FFFFFFFu); });
      }
    }
    if constexpr (!kState) begin_next();
    ++round;
    if (!last) continue;
    SurveyPiece& out = optim::survey_pieces(plan)[piece];
    if constexpr (kSurvey == Survey::Sums) {
      add_up(sums);
      if (threadIdx.x == 0) out.weight = sums[0], out.measured = sums[1];
      sums[0] = sums[1] = 0;
    } else {
      find_largest(largest);
      if (threadIdx.x == 0)
        for_each_slot<Rule>([&](auto slot) { out.largest[slot] = __uint_as_float(largest[slot]); });
      for (uint32_t& l : largest) l = 0;
    }
    piece -= gridDim.x;
    round = 0;
  }
}

template <class Rule, class Codec, Survey kSurvey>
void launch_survey(const Context& c, const StepPlan& plan, const StepControl* control) {
  const int64_t resident = int64_t{c.multiprocessors} * kSurveyBlocks<Rule, kSurvey>;
  with_weight_type<Codec>(plan, [&]<class Weight>(std::type_identity<Weight>) {
    with_block_size<Codec>(plan, [&](auto block) {
      launch_early(c, survey_kernel<Rule, Codec, Weight, kSurvey, block.value>,
                   static_cast<unsigned>(std::min(plan.piece_count, resident)), kSurveyThreads, plan, control,
                   LaneCodec<Codec>::tables(c));
    });
  });
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
