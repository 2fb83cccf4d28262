// A plan of a few tensors on its own, without the Optimizer: so that level and threads can be chosen.
#pragma once

#include "core/cpu/thread_pool.h"
#include "optim/conclude.h"
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
  return hyper;
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

  Model(std::string_view rule, std::string_view codec_name, std::span<const int64_t> sizes,
        int block = kDefaultBlock, SecondMoment mode = SecondMoment::Dither,
        Rounding rounding = Rounding::Nearest) {
    plan.second_moment = mode;
    plan.rounding = rounding;
    plan.seed = 5;
    codec = codec_place(codec_name);
    const CodecInfo info = codecs()[static_cast<size_t>(codec)];
    block_size = info.own_block_size ? info.own_block_size : info.scale == Scale::Block ? block : kPlainBlock;
    slots = rules()[static_cast<size_t>(rule_place(rule))].slots;
    Rng rng(11);
    for (const int64_t n : sizes) {
      weights.push_back(tensor_of(random_values(n, rng), info.value));
      gradients.push_back(tensor_of(random_values(n, rng, 1e-2), info.value));
      state.emplace_back();
      absmax.emplace_back();
      StepTensor row{.weight = weights.back().raw(),
                     .gradient = gradients.back().raw(),
                     .state = {},
                     .absmax = {},
                     .count = n,
                     .first_block = plan.block_count,
                     .salt = static_cast<uint32_t>(n)};
      for (size_t slot = 0; slot < slots.size(); ++slot) {
        state.back().push_back(
            Tensor::zeros({info.stored_count(n)}, info.stored, Device::cpu(), MemoryTag::OptimizerState));
        absmax.back().push_back(Tensor::zeros({info.absmax_count(n, block_size)}, DType::F32, Device::cpu(),
                                              MemoryTag::OptimizerState));
        row.state[slot] = state.back()[slot].raw();
        row.absmax[slot] = absmax.back()[slot].data<float>();
      }
      plan.block_count += (n + block_size - 1) / block_size;
      table.push_back(row);
    }
    plan.rule = rule_place(rule);
    plan.codec = codec;
    plan.block_size = block_size;
    plan.tensors = table.data();
    plan.update = constants.raw();
    plan.tensor_count = static_cast<int>(table.size());
  }

  void step(cpu::Level level, int t, const HyperParameters& hyper) {
    plan.hyper = hyper;
    control.steps = t;
    write_constants(plan, control);
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
