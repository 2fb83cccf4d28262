// By which chance bf16 weights are rounded, on every device. A device's suite calls each of these.
#pragma once

#include "tests/optim/muon_cases.h"

namespace octet::optim::testing {

inline std::vector<float> floats_of(const Tensor& tensor) {
  return tensor.to(DType::F32, MemoryTag::Data).to_vector<float>();
}

// Momentum from zero at rate 1: state and weight become +-(1 + 2^-8), between two values of bf16, and go up
// or down by sequences that begin at other places (see dither.h): of two like tensors, of weight and state,
// of seeds.
inline void check_weight_noise(Device device) {
  constexpr int64_t kCount = 8192;
  constexpr float kBetween = 1 + 0x1p-8f;
  using Ups = std::vector<bool>;
  const auto ups_of = [&](const Tensor& tensor) {
    Ups ups;
    for (const float x : floats_of(tensor)) {
      CHECK((std::fabs(x) == 1.0f || std::fabs(x) == 1 + 0x1p-7f));
      ups.push_back(std::fabs(x) > kBetween);
    }
    return ups;
  };
  const auto train = [&](uint32_t seed) {
    HyperParameters h = default_hyper("momentum");
    h.lr = 1;
    std::vector<NamedParameter> p;
    for (const char* name : {"embedding.weight", "fc.weight"})
      p.push_back({name, Variable::leaf(Tensor::zeros({kCount}, DType::BF16, device, MemoryTag::Weights))});
    Optimizer optimizer(
        {{.parameters = p,
          .options = {.rule = "momentum", .codec = "bf16", .hyper = h, .rounding = Rounding::Stochastic}}},
        {.seed = seed});
    for (const NamedParameter& each : p) each.variable.grad().fill(kBetween);
    optimizer.step();
    std::vector<Ups> all;
    for (const NamedParameter& each : p) all.push_back(ups_of(each.variable.value()));
    for (const auto& [name, tensor] : optimizer.state())
      if (tensor.dtype() == DType::BF16) all.push_back(ups_of(tensor));
    return all;
  };
  std::vector<Ups> all = train(1);
  REQUIRE(all.size() == 4);
  for (Ups& ups : train(2)) all.push_back(std::move(ups));
  for (size_t i = 0; i < all.size(); ++i) {
    const auto up = static_cast<double>(std::count(all[i].begin(), all[i].end(), true));
    CHECK(std::fabs(up / kCount - 0.5) < 0.01);
    for (size_t j = 0; j < i; ++j) {
      INFO(i << " " << j);
      size_t same = 0;
      for (size_t k = 0; k < kCount; ++k) same += all[i][k] == all[j][k];
      CHECK(same < 0.99 * kCount);
    }
  }
}

// Muon's matrices in bf16 take the step of f32 ones from the same values, rounded to nearest, or by a chance
// that the seed decides.
inline void check_muon_rounding(Device device) {
  const auto train = [&](DType type, Rounding rounding, uint32_t seed) {
    HyperParameters h = default_hyper("muon");
    h.lr = 0.1;
    const std::vector<NamedParameter> p{matrix("wide", 64, 130, device, type),
                                        matrix("tall", 130, 64, device, type)};
    for (const NamedParameter& each : p) {  // from the same start
      const Tensor& weight = each.variable.value();
      weight.copy_from(weight.to(DType::BF16, MemoryTag::Data).to(type, MemoryTag::Data));
      set_even_gradient(each, 1);
    }
    Optimizer optimizer(
        {{.parameters = p, .options = {.rule = "muon", .hyper = h, .weight_rounding = rounding}}},
        {.seed = seed});
    optimizer.step();
    std::vector<float> all;
    for (const NamedParameter& each : p)
      for (const float x : floats_of(each.variable.value())) all.push_back(x);
    return all;
  };
  const std::vector<float> wide = train(DType::F32, Rounding::Nearest, 1),
                           nearest = train(DType::BF16, Rounding::Nearest, 1),
                           chance = train(DType::BF16, Rounding::Stochastic, 1),
                           other = train(DType::BF16, Rounding::Stochastic, 2);
  size_t not_nearest = 0, no_neighbour = 0;
  for (size_t i = 0; i < wide.size(); ++i) {
    not_nearest += nearest[i] != static_cast<float>(BFloat16(wide[i]));
    for (const float x : {chance[i], other[i]})  // of the same upper half, or of the next one away from zero
      no_neighbour += (std::bit_cast<uint32_t>(x) >> 16) - (std::bit_cast<uint32_t>(wide[i]) >> 16) > 1;
  }
  CHECK(not_nearest == 0);
  CHECK(no_neighbour == 0);
  CHECK(chance != nearest);
  CHECK(chance != other);
}

}  // namespace octet::optim::testing
