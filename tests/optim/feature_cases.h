// Clipping, averages and conversion of state, as every device must do them. A device's suite calls each.
#pragma once

#include <algorithm>

#include "optim/weight_average.h"
#include "tests/optim/optimizer_cases.h"

namespace octet::optim::testing {

inline std::vector<NamedParameter> clones_on(Device device, const std::vector<NamedParameter>& parameters) {
  std::vector<NamedParameter> out;
  for (const NamedParameter& p : parameters)
    out.push_back({p.name, Variable::leaf(p.variable.value().to(device, MemoryTag::Weights))});
  return out;
}

inline NamedTensors on_cpu(const NamedTensors& tensors) {
  NamedTensors out;
  for (const auto& [name, tensor] : tensors)
    out.emplace_back(name, tensor.to(Device::cpu(), MemoryTag::Data));
  return out;
}

inline const Tensor& tensor_in(const NamedTensors& tensors, std::string_view name) {
  for (const auto& entry : tensors)
    if (entry.first == name) return entry.second;
  fail(ErrorKind::Internal, "no tensor ", name);
}

// All ways of clipping at once, gradients of many sizes, a reload; against the CPU.
inline void check_clipping(Device device) {
  const auto train = [](Device where, std::vector<double>& squares) {
    const std::vector<NamedParameter> p = model_on(where);
    const auto make = [&] {
      return Optimizer({{.parameters = p, .options = {.codec = "blockwise8"}}},
                       {.max_value = 0.011, .max_norm = 0.6, .norm_percentile = 40});
    };
    Optimizer optimizer = make();
    for (uint64_t t = 0; t < 130; ++t) {
      if (t == 110) {
        const NamedTensors saved = on_cpu(optimizer.state());
        optimizer = make();
        optimizer.load_state(saved);
      }
      for (const NamedParameter& q : p)
        q.variable.grad().fill(1e-4 * static_cast<double>(t * t % 127) + 1e-3);
      optimizer.step();
    }
    optimizer.check();
    squares = tensor_in(optimizer.state(), "optimizer.norm_history").to_vector<double>();
    return weights_of(p);
  };
  std::vector<double> got, expected;
  CHECK((train(device, got) == train(Device::cpu(), expected)));
  REQUIRE(got.size() == 100);
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-13));
}

// A gradient that is not finite is found although its elements are limited.
inline void check_clipping_finds_bad(Device device) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const std::vector<NamedParameter> p = model_on(device);
    Optimizer optimizer({{.parameters = p}}, {.max_value = 0.01, .norm_percentile = 50});
    set_gradients(p, 1);
    optimizer.step();
    const std::string weights = weights_of(p), state = state_of(optimizer);
    spoil(p[1], bad);
    CHECK_ERROR(ErrorKind::NonFinite, "'fc.weight' is not finite at step 2",
                (optimizer.step(), optimizer.check()));
    CHECK((weights_of(p) == weights));
    CHECK((state_of(optimizer) == state));  // the history of norms included
  }
}

// A moving average with skipped steps among the good ones; against the CPU, and there against plain loops.
inline void check_average(Device device, bool bf16_weights = false) {
  const auto train = [&](Device where) {
    const std::vector<NamedParameter> p = bf16_weights ? bf16_model_on(where) : model_on(where),
                                      averages = model_on(where);
    for (const NamedParameter& a : averages) a.variable.value().fill(7);
    Optimizer optimizer({{.parameters = p, .options = {.rule = "lion"}}},
                        {.on_nonfinite = OnNonFinite::Skip});
    WeightAverage average(p, averages, 0.75);
    for (size_t i = 0; i < p.size(); ++i)  // from the start
      CHECK((bytes_of(averages[i].variable.value()) ==
             bytes_of(p[i].variable.value().to(DType::F32, MemoryTag::Data))));
    std::vector<float> expected;
    for (uint64_t t = 0; t < 6; ++t) {
      set_gradients(p, t);
      if (t % 3 == 1) spoil(p[2], std::numeric_limits<double>::infinity());
      optimizer.step();
      average.update(optimizer);
      const std::vector<float> w = p[0].variable.value().to(DType::F32, MemoryTag::Data).to_vector<float>();
      if (t == 0) expected = w;
      if (t % 3 != 1)
        for (size_t i = 0; i < w.size(); ++i) expected[i] += 0.25f * (w[i] - expected[i]);
      CHECK((averages[0].variable.value().to_vector<float>() == expected));
    }
    CHECK(optimizer.skipped_steps() == 2);
    return weights_of(averages);
  };
  CHECK((train(device) == train(Device::cpu())));
}

// From every codec to every other, on the device, from tensors there and on the CPU; against the CPU.
inline void check_conversion(Device device, std::string_view rule = "adam") {
  const auto options = [&](const CodecInfo& codec, int block_size) {
    return GroupOptions{.rule = std::string(rule),
                        .codec = std::string(codec.name),
                        .block_size = block_size,
                        .min_8bit_size = 0};
  };
  for (const CodecInfo& from : codecs())
    for (const CodecInfo& to : codecs()) {
      if (from.value != DType::F32 || to.value != DType::F32) continue;
      INFO(from.name << " to " << to.name);
      const std::vector<NamedParameter> p = model();
      Optimizer source({{.parameters = p, .options = options(from, 256)}});
      for (uint64_t t = 0; t < 3; ++t) {
        set_gradients(p, t);
        source.step();
      }
      const std::vector<NamedParameter> here = clones_on(device, p);
      Optimizer expected({{.parameters = p, .options = options(to, 128)}}),
          by_cpu({{.parameters = here, .options = options(to, 128)}}),
          by_device({{.parameters = here, .options = options(to, 128)}});
      NamedTensors moved;
      for (const auto& [name, tensor] : source.state())
        moved.emplace_back(name, tensor.dtype() == DType::I64 || name.ends_with(".codec")
                                     ? tensor
                                     : tensor.to(device, MemoryTag::Data));
      const std::string said = expected.load_state(source.state());
      CHECK(by_cpu.load_state(source.state()) == said);
      CHECK(by_device.load_state(moved) == said);
      CHECK((state_of(by_cpu) == state_of(expected)));
      CHECK((state_of(by_device) == state_of(expected)));
      CHECK(expected.steps() == 3);
    }
}

}  // namespace octet::optim::testing
