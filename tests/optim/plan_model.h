// A plan of a few tensors on its own, without the Optimizer: so that level and threads can be chosen.
#pragma once

#include <map>
#include <tuple>

#include "core/cpu/thread_pool.h"
#include "optim/conclude.h"
#include "optim/state_layout.h"
#include "optim/survey.h"
#include "tests/optim/support.h"

namespace octet::optim::testing {

constexpr int64_t kTensorSizes[] = {1, 255, 256, 257, 4095, 4096, 4097, 70001};

// All that a rule can be told, so that no term of its formula is left out.
inline HyperParameters busy_hyper(std::string_view rule) {
  HyperParameters hyper = default_hyper(rule);
  hyper.lr = 3e-3;
  hyper.weight_decay = 0.02;
  hyper.momentum = 0.9;
  hyper.dampening = 0.1;
  hyper.nesterov = hyper.centered = true;
  hyper.t_alpha = 3;
  hyper.t_beta3 = 4;
  hyper.trust_coefficient = 0.02;
  hyper.max_trust = 5;
  return hyper;
}

// Scratch for the plan's survey, if it has one, which this tells the plan.
inline Tensor survey_scratch(StepPlan& plan, Device device) {
  const RuleInfo& rule = rule_at(plan.rule);
  const bool needed =
      needs_survey(rule.has_factor, codec_at(plan.codec).scale, slots_of(rule, plan.matrices).size());
  Tensor scratch = Tensor::zeros({needed ? survey_bytes(plan) : 0}, DType::U8, device, MemoryTag::Workspace);
  plan.survey = needed ? scratch.raw() : nullptr;
  return scratch;
}

// As nearly square as a tensor of so many elements can be; tall if they are even.
inline int64_t columns_of(int64_t count) {
  int64_t rows = 1;
  for (int64_t i = 1; i * i <= count; ++i)
    if (count % i == 0) rows = i;
  return count % 2 ? count / rows : rows;
}

// The shape that state of a slot has for a tensor of so many elements.
inline int64_t values_in(const Slot& slot, int64_t count, int64_t columns, const CodecInfo& codec) {
  if (slot.extent == Extent::Columns) return columns;
  if (slot.extent == Extent::Rows) return columns ? count / columns : 0;
  return codec.stored_count(count);
}

// Random tensors of such sizes, made once: else most of the time of the tests would go into them.
inline const std::vector<Tensor>& random_tensors(std::span<const int64_t> sizes, uint64_t seed, double scale,
                                                 DType dtype) {
  using Key = std::tuple<std::vector<int64_t>, uint64_t, double, DType>;
  static std::map<Key, std::vector<Tensor>> known;
  std::vector<Tensor>& out = known[Key({sizes.begin(), sizes.end()}, seed, scale, dtype)];
  if (out.empty()) {
    Rng rng(seed);
    for (const int64_t n : sizes) out.push_back(tensor_of(random_values(n, rng, scale), dtype));
  }
  return out;
}

struct Model {
  int codec, block_size;
  std::span<const Slot> slots;
  std::vector<Tensor> weights, gradients;
  std::vector<std::vector<Tensor>> state, absmax;
  std::vector<StepTensor> table;
  StepPlan plan{};
  StepControl control;
  Tensor constants = Tensor::zeros({kUpdateBytes}, DType::U8, Device::cpu(), MemoryTag::Workspace);
  Tensor survey;

  Model(std::string_view rule, std::string_view codec_name, std::span<const int64_t> sizes,
        int block = kDefaultBlock, SecondMoment mode = SecondMoment::Dither,
        Rounding rounding = Rounding::Nearest, bool matrices = false, bool bf16_weights = false) {
    plan.matrices = matrices;
    plan.bf16_weights = bf16_weights;
    plan.weight_rounding = Rounding::Stochastic;
    plan.seed = 5;
    codec = codec_place(codec_name);
    const CodecInfo info = codec_at(codec);
    set_rounding(plan, info, mode, rounding);
    block_size = info.own_block_size ? info.own_block_size : info.scale == Scale::Block ? block : kPlainBlock;
    slots = slots_of(rule_named(rule), matrices);
    plan.codec = codec;
    plan.block_size = block_size;
    for (const int64_t n : sizes) {
      weights.push_back(random_tensors(sizes, 11, 1, info.value)[weights.size()].to(
          bf16_weights ? DType::BF16 : info.value, MemoryTag::Weights));
      gradients.push_back(
          random_tensors(sizes, 12, 1e-2, info.value)[gradients.size()].clone(MemoryTag::Gradients));
      state.emplace_back();
      absmax.emplace_back();
      StepTensor row{.weight = weights.back().raw(),
                     .gradient = gradients.back().raw(),
                     .state = {},
                     .absmax = {},
                     .count = n,
                     .first_block = plan.block_count,
                     .salt = static_cast<uint32_t>(n),
                     .first_piece = plan.piece_count,
                     .columns = matrices ? columns_of(n) : 0};
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        state.back().push_back(Tensor::zeros({values_in(slots[slot], n, row.columns, info)}, info.stored,
                                             Device::cpu(), MemoryTag::OptimizerState));
        absmax.back().push_back(Tensor::zeros({info.absmax_count(n, block_size)}, DType::F32, Device::cpu(),
                                              MemoryTag::OptimizerState));
        row.state[slot] = state.back()[slot].raw();
        row.absmax[slot] = absmax.back()[slot].data<float>();
      }
      plan.block_count = block_after(plan, n);
      plan.piece_count += pieces_in(n, row.columns, matrices);
      table.push_back(row);
    }
    plan.rule = rule_place(rule);
    plan.tensors = table.data();
    plan.update = constants.raw();
    plan.tensor_count = static_cast<int>(table.size());
    survey = survey_scratch(plan, Device::cpu());
  }

  void step(cpu::Level level, int t, const HyperParameters& hyper) {
    plan.hyper = hyper;
    control.steps = t;
    write_constants(plan, control.lr_factor, control.steps);
    cpu_steps(level).step(Device::cpu(), &plan, 1, &control);
  }

  std::string bytes() const {
    std::string out;
    for (size_t i = 0; i < weights.size(); ++i) {
      out += bytes_of(weights[i]);
      for (size_t slot = 0; slot < slots.size(); ++slot)
        out += bytes_of(state[i][slot]) + bytes_of(absmax[i][slot]);
    }
    return out;
  }
};

struct Threads {
  explicit Threads(int n) { cpu::set_thread_count(n); }
  ~Threads() { cpu::set_thread_count(0); }
};

}  // namespace octet::optim::testing
