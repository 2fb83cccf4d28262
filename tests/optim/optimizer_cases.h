// What the class Optimizer must do alike on every device. A device's suite calls each of these.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/optim/step_cases.h"

namespace octet::optim::testing {

inline std::vector<NamedParameter> model_on(Device device) {
  std::vector<NamedParameter> out;
  for (const NamedParameter& p : model())
    out.push_back({p.name, Variable::leaf(p.variable.value().to(device, MemoryTag::Weights))});
  return out;
}

// The same with bf16 weights, but for the bias.
inline std::vector<NamedParameter> bf16_model_on(Device device) {
  std::vector<NamedParameter> out = model_on(device);
  for (size_t i = 0; i < 2; ++i)
    out[i].variable = Variable::leaf(out[i].variable.value().to(DType::BF16, MemoryTag::Weights));
  return out;
}

inline void spoil(const NamedParameter& p, double value) { p.variable.grad().slice_rows(3, 4).fill(value); }

// Two groups, a schedule, clipping, and going on from a saved state half way.
inline void check_training(Device device, const char* codec, bool bf16_weights = false) {
  INFO(codec << (bf16_weights ? " bf16 weights" : ""));
  const auto train = [&](Device where) {
    const std::vector<NamedParameter> p = bf16_weights ? bf16_model_on(where) : model_on(where);
    const auto make = [&] {
      return Optimizer({{.parameters = {p[0], p[2]}, .options = {.rule = "adamw", .codec = codec}},
                        {.parameters = {p[1]}, .options = {.rule = "adam", .codec = codec}}},
                       {.max_norm = 0.25});
    };
    Optimizer optimizer = make();
    for (uint64_t t = 0; t < 6; ++t) {
      if (t == 3) {  // through the CPU, as checkpoints do
        NamedTensors saved;
        for (const auto& [name, tensor] : optimizer.state())
          saved.emplace_back(name, tensor.to(Device::cpu(), MemoryTag::Data));
        optimizer = make();
        optimizer.load_state(saved);
        CHECK(optimizer.steps() == 3);
      }
      set_gradients(p, t);
      optimizer.set_lr_factor(1.0 / (1.0 + static_cast<double>(t)));
      optimizer.step();
      optimizer.check();
    }
    CHECK(optimizer.steps() == 6);
    CHECK(optimizer.grad_norm() > 0.25);
    return weights_of(p) + state_of(optimizer);
  };
  CHECK((train(device) == train(Device::cpu())));
}

// Stop: from the bad step on nothing changes until check() has told; then the same step can be taken again.
inline void check_stop(Device device) {
  for (const char* codec : {"fp32", "bf16", "blockwise8"})
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
      const std::vector<NamedParameter> p = model_on(device), good = model_on(device);
      Optimizer optimizer({{.parameters = p, .options = {.codec = codec}}}, {.max_norm = 1.0}),
          reference({{.parameters = good, .options = {.codec = codec}}}, {.max_norm = 1.0});
      for (const auto& list : {p, good}) set_gradients(list, 1);
      optimizer.step();
      reference.step();
      const std::string weights = weights_of(p), state = state_of(optimizer);
      set_gradients(p, 2);
      spoil(p[1], bad);
      spoil(p[2], bad);
      const char* message = "the gradient of 'fc.weight' is not finite at step 2";
      if (device.is_cpu()) {
        CHECK_ERROR(ErrorKind::NonFinite, message, optimizer.step());
      } else {
        optimizer.step();
        set_gradients(p, 3);
        for (int i = 0; i < 3; ++i) optimizer.step();  // good gradients, but too late
        CHECK((weights_of(p) == weights));
        CHECK((state_of(optimizer) == state));
        CHECK(optimizer.steps() == 1);
        CHECK_ERROR(ErrorKind::NonFinite, message, optimizer.check());
      }
      CHECK((weights_of(p) == weights));
      CHECK((state_of(optimizer) == state));
      optimizer.check();  // told once
      for (const auto& list : {p, good}) set_gradients(list, 4);
      optimizer.step();
      reference.step();
      CHECK(optimizer.steps() == 2);
      CHECK((weights_of(p) == weights_of(good)));
      CHECK((state_of(optimizer) == state_of(reference)));
    }
}

// Skip: bad steps are counted and leave no trace.
inline void check_skip(Device device) {
  const std::vector<NamedParameter> with = model_on(device), without = model_on(device);
  const GroupOptions options{.codec = "blockwise8"};
  Optimizer skipping({{.parameters = with, .options = options}}, {.on_nonfinite = OnNonFinite::Skip});
  Optimizer plain({{.parameters = without, .options = options}});
  for (uint64_t t = 0; t < 4; ++t) {
    set_gradients(with, 9);
    spoil(with[t % 3], std::numeric_limits<double>::infinity());
    for (uint64_t bad = 0; bad < t; ++bad) skipping.step();
    for (const auto& list : {with, without}) set_gradients(list, t);
    skipping.step();
    plain.step();
  }
  skipping.check();
  CHECK(skipping.skipped_steps() == 6);
  CHECK(skipping.steps() == 4);
  CHECK((weights_of(with) == weights_of(without)));
}

// What looks at whole tensors, with a matrix among the parameters; bad steps leave no trace.
inline void check_whole_tensors(Device device, bool bf16_weights = false) {
  for (const char* rule : {"lamb", "lars", "adafactor", "adam"})
    for (const char* codec : {"fp32", "blockwise8", "tensorwise8"}) {
      INFO(rule << " " << codec);
      const auto train = [&](Device where, bool bad) {
        std::vector<NamedParameter> p = bf16_weights ? bf16_model_on(where) : model_on(where);
        p[0].variable = Variable::leaf(p[0].variable.value().reshape({19, 647}));
        Optimizer optimizer({{.parameters = p, .options = {.rule = rule, .codec = codec}}},
                            {.max_norm = 0.25, .on_nonfinite = OnNonFinite::Skip});
        for (uint64_t t = 0; t < 4; ++t) {
          if (bad) {
            set_gradients(p, 9);
            spoil(p[t % 3], std::numeric_limits<double>::quiet_NaN());
            optimizer.step();
          }
          set_gradients(p, t);
          optimizer.step();
        }
        CHECK(optimizer.steps() == 4);
        NamedTensors state = optimizer.state();
        std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("optimizer."); });
        std::string out = weights_of(p);
        for (const auto& [name, tensor] : state) out += name + bytes_of(tensor);
        return out;
      };
      const std::string expected = train(Device::cpu(), false);
      CHECK((train(device, false) == expected));
      CHECK((train(device, true) == expected));
    }
}

// More plans than the arguments of one launch hold.
inline void check_many_groups(Device device) {
  const auto make = [](Device where, std::vector<ParameterGroup>& groups) {
    for (int i = 0; i < 37; ++i) {
      const NamedParameter p = parameter("p" + std::to_string(i), 100 + 300 * i);
      groups.push_back(
          {.parameters = {{p.name, Variable::leaf(p.variable.value().to(where, MemoryTag::Weights))}},
           .options = {.codec = i % 2 ? "fp32" : "blockwise8"}});
    }
    return Optimizer(groups, {.max_norm = 0.1});
  };
  std::vector<ParameterGroup> a, b;
  Optimizer got = make(device, a), expected = make(Device::cpu(), b);
  for (uint64_t t = 0; t < 3; ++t) {
    for (const auto* groups : {&a, &b})
      for (const ParameterGroup& group : *groups) set_gradients(group.parameters, t);
    got.step();
    expected.step();
  }
  got.check();
  CHECK((state_of(got) == state_of(expected)));
  for (size_t i = 0; i < a.size(); ++i) CHECK((weights_of(a[i].parameters) == weights_of(b[i].parameters)));
  spoil(a[36].parameters[0], std::numeric_limits<double>::quiet_NaN());
  spoil(a[35].parameters[0], std::numeric_limits<double>::infinity());
  CHECK_ERROR(ErrorKind::NonFinite, "'p35' is not finite at step 4", (got.step(), got.check()));
}

// Squares of large doubles overflow, which is no bad gradient.
inline void check_overflow(Device device) {
  const Tensor weight = Tensor::zeros({5000}, DType::F64, device, MemoryTag::Weights);
  const std::vector<NamedParameter> p{{"w", Variable::leaf(weight)}};
  Optimizer optimizer({{.parameters = p, .options = {.codec = "fp64"}}});
  p[0].variable.grad().fill(1e200);
  optimizer.step();
  optimizer.check();
  CHECK(optimizer.steps() == 1);
  CHECK(std::isinf(optimizer.grad_norm()));
}

// Finite gradients whose squares are no floats are no step and leave no trace, unless clipping brings them
// down; so percentile clipping, but for the first step.
inline void check_large_gradients(Device device) {
  struct Try {
    OptimizerOptions clipping;
    uint64_t spoilt;  // step
    bool refused;
  };
  const auto state_but_skipped = [](const Optimizer& of) {
    std::string out;
    for (const auto& [name, tensor] : of.state())
      if (name != "optimizer.skipped_steps") out += name + bytes_of(tensor);
    return out;
  };
  for (const char* codec : {"fp32", "blockwise8"})
    for (Try setting : {Try{{}, 2, true}, Try{{.max_norm = 1}, 2, false},
                        Try{{.norm_percentile = 99}, 0, true}, Try{{.norm_percentile = 50}, 2, false}}) {
      setting.clipping.on_nonfinite = OnNonFinite::Skip;
      const std::vector<NamedParameter> p = model_on(device), good = model_on(device);
      const GroupOptions options{.codec = codec};
      Optimizer optimizer({{.parameters = p, .options = options}}, setting.clipping);
      Optimizer reference({{.parameters = good, .options = options}}, setting.clipping);
      for (uint64_t t = 0; t < 4; ++t) {
        for (const auto& list : {p, good}) set_gradients(list, t);
        const bool spoilt = t == setting.spoilt;
        if (spoilt) spoil(p[1], 1e25);
        optimizer.step();
        if (!spoilt) reference.step();
      }
      CHECK(optimizer.skipped_steps() == (setting.refused ? 1 : 0));
      CHECK((weights_of(p) == weights_of(good)) == setting.refused);
      CHECK((state_but_skipped(optimizer) == state_but_skipped(reference)) == setting.refused);
      for (const double w : p[1].variable.value().to(Device::cpu(), MemoryTag::Data).to_vector<float>())
        CHECK(std::abs(w) < 10);
    }

  const std::vector<NamedParameter> p = model_on(device);
  Optimizer optimizer({{.parameters = p}});
  const auto step_with = [&](double largest) {
    for (const NamedParameter& each : p) each.variable.grad().fill(0);
    spoil(p[1], largest);
    optimizer.step();
    optimizer.check();
  };
  step_with(1.15e18);  // 2^60 is 1.153e18
  const std::string weights = weights_of(p), state = state_of(optimizer);
  CHECK_ERROR(ErrorKind::NonFinite,
              "the gradients are too large at step 2: their norm before clipping is 1.16e+18",
              step_with(1.16e18));
  CHECK((weights_of(p) == weights));
  CHECK((state_of(optimizer) == state));
  step_with(1);
  CHECK(optimizer.steps() == 2);
}

// Up to that bound every rule's state stays finite.
inline void check_largest_gradients(Device device) {
  const auto finite = [](const Tensor& t) {
    const auto x = t.to(Device::cpu(), MemoryTag::Data).to(DType::F64, MemoryTag::Data).to_vector<double>();
    return std::all_of(x.begin(), x.end(), [](double value) { return std::isfinite(value); });
  };
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"fp32", "bf16", "blockwise8", "tensorwise8", "blockwise4"}) {
      INFO(std::string(rule.name) << " " << codec);
      std::vector<NamedParameter> p = model_on(device);
      p[1].variable = Variable::leaf(p[1].variable.value().reshape({64, 64}));
      Optimizer optimizer({{.parameters = p, .options = {.rule = std::string(rule.name), .codec = codec}}});
      for (uint64_t t = 0; t < 4; ++t) {
        set_gradients(p, t);
        if (t == 1)
          for (const NamedParameter& each : p) spoil(each, 1e17);
        optimizer.step();
        optimizer.check();
      }
      CHECK(optimizer.steps() == 4);
      for (const NamedParameter& each : p) CHECK(finite(each.variable.value()));
      for (const auto& [name, tensor] : optimizer.state())
        if (is_floating(tensor.dtype())) CHECK(finite(tensor));
    }
}

}  // namespace octet::optim::testing
