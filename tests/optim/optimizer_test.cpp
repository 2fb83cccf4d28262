#include <cmath>
#include <limits>
#include <numeric>

#include "core/cpu/thread_pool.h"
#include "optim/bench.h"
#include "optim/hyper_use.h"
#include "optim/round_trip.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("every element of large tensors, which are stepped in longer runs, is stepped once") {
  std::vector<NamedParameter> parameters;
  for (const int64_t count : {int64_t{1}, int64_t{9'000'001}, int64_t{257}, int64_t{500'000}}) {
    const auto weight = Tensor::zeros({count}, DType::F32, Device::cpu(), MemoryTag::Weights);
    parameters.push_back({"w" + std::to_string(count), Variable::leaf(weight)});
    parameters.back().variable.grad().fill(1);
  }
  for (const char* codec : {"fp32", "blockwise8"}) {
    GroupOptions options{.rule = "momentum", .codec = codec};
    options.hyper = default_hyper("momentum");
    options.hyper->lr = 0.5;
    Optimizer optimizer({{.parameters = parameters, .options = options}});
    for (const NamedParameter& p : parameters) p.variable.value().fill(0);
    optimizer.step();
    for (const NamedParameter& p : parameters) {
      const std::vector<float> weights = p.variable.value().to_vector<float>();
      CHECK(std::count(weights.begin(), weights.end(), -0.5f) == p.variable.value().numel());
    }
  }
}

TEST_CASE("hyper-parameters that a rule does not look at are told from those it does") {
  const auto changed = [](const char* rule, const auto& change) {
    HyperParameters hyper = default_hyper(rule);
    change(hyper);
    return without_effect(hyper, rule);
  };
  using Names = std::vector<std::string_view>;
  for (const RuleInfo& rule : rules()) CHECK(without_effect(rule.defaults, rule.name) == Names{});
  const auto momentum = [](HyperParameters& h) { h.momentum = 0.5, h.nesterov = !h.nesterov; };
  CHECK(changed("sgd", momentum) == Names{"momentum", "nesterov"});
  CHECK(changed("adam", momentum) == Names{"momentum", "nesterov"});
  CHECK(changed("momentum", momentum) == Names{});
  CHECK(changed("muon", momentum) == Names{});
  const auto dampening = [](HyperParameters& h) { h.dampening = 0.25; };
  CHECK(changed("momentum", dampening) == Names{});  // though the first step is without
  CHECK(changed("sgd", dampening) == Names{"dampening"});
  const auto betas = [](HyperParameters& h) { h.beta1 = 0.8, h.beta3 = 0.99, h.unfactored = true; };
  CHECK(changed("adam", betas) == Names{"beta3", "unfactored"});
  CHECK(changed("ademamix", betas) == Names{"unfactored"});
  CHECK(changed("muon", betas) == Names{"beta3", "unfactored"});  // AdamW steps the other parameters
  CHECK(changed("adafactor", betas) == Names{"beta1", "beta3"});
  const auto rates = [](HyperParameters& h) { h.lr = 0.5, h.weight_decay = 0.25, h.eps = 0.125; };
  CHECK(changed("sgd", rates) == Names{"eps"});
  CHECK(changed("rmsprop", rates) == Names{});
}

// The values of a signed slot of parameter `w`, as a step reads them.
std::vector<float> signed_slot(const Optimizer& optimizer, const std::string& slot, std::string_view codec,
                               int64_t count) {
  Tensor stored, absmax;
  for (const auto& [name, tensor] : optimizer.state()) {
    if (name == "w." + slot) stored = tensor;
    if (name == "w." + slot + ".absmax") absmax = tensor;
  }
  return read_back(codec, Book::Signed, kDefaultBlock, count, stored, absmax.defined() ? &absmax : nullptr)
      .values;
}

TEST_CASE("the block's largest first moment keeps its size whatever its sign, but not as in the paper") {
  // One large gradient a block, always the same, beside small ones; its moment after many steps.
  const auto moment = [](const char* rule, const char* slot, const char* codec, float gradient,
                         SecondMoment mode = SecondMoment::Dither) {
    constexpr int kCount = 256, kLarge = 7;
    const Variable w = Variable::leaf(Tensor::zeros({kCount}, DType::F32, Device::cpu(), MemoryTag::Weights));
    Optimizer optimizer(
        {{.parameters = {{"w", w}},
          .options = {.rule = rule, .codec = codec, .min_8bit_size = 0, .second_moment = mode}}});
    Rng rng(3);
    for (int t = 0; t < 3000; ++t) {
      const std::span<float> g = w.grad().span<float>();
      for (float& v : g) v = static_cast<float>(0.02 * (rng.uniform() - 0.5));
      g[kLarge] = gradient;
      optimizer.step();
    }
    return signed_slot(optimizer, slot, codec, kCount)[kLarge];
  };
  const std::pair<const char*, const char*> cases[] = {{"adam", "exp_avg"},
                                                       {"momentum", "momentum_buffer"},
                                                       {"lion", "exp_avg"},
                                                       {"ademamix", "exp_avg_slow"}};
  for (const auto& [rule, slot] : cases) {
    INFO(rule);
    for (const float gradient : {1.0f, -1.0f}) {
      const float full = moment(rule, slot, "fp32", gradient);
      CHECK(moment(rule, slot, "blockwise8", gradient) == doctest::Approx(full).epsilon(1e-3));
    }
    // There is no -1 in the book, so a step makes -0.993 of it, and the next one goes on from there.
    const float full = moment(rule, slot, "fp32", -1),
                plain = moment(rule, slot, "blockwise8", -1, SecondMoment::Plain);
    CHECK(plain > 0.95f * full);
    CHECK(moment(rule, slot, "blockwise8", 1, SecondMoment::Plain) == doctest::Approx(-full).epsilon(1e-3));
  }
}

TEST_CASE("LAMB's factor is finite, however small its direction is beside the weights") {
  const Variable w =
      Variable::leaf(Tensor::full({1000, 1000}, 10, DType::F32, Device::cpu(), MemoryTag::Weights));
  HyperParameters hyper = default_hyper("lamb");
  hyper.weight_decay = 0;
  Optimizer optimizer({{.parameters = {{"w", w}}, .options = {.rule = "lamb", .hyper = hyper}}});
  w.grad().span<float>()[5] = 1e-43f;
  optimizer.step();
  for (const float v : w.value().span<float>()) REQUIRE(std::isfinite(v));
}

TEST_CASE("AdEMAMix's slow mean moves whatever the options say, unless a codec rounds in a way of its own") {
  // By how much the mean of every second element grows in 200 steps that pull it towards three times its
  // value, while the others and the largest stay.
  const auto growth = [](const char* codec) {
    constexpr int kCount = 1024;
    const Variable w = Variable::leaf(Tensor::zeros({kCount}, DType::F32, Device::cpu(), MemoryTag::Weights));
    Optimizer optimizer(
        {{.parameters = {{"w", w}}, .options = {.rule = "ademamix", .codec = codec, .min_8bit_size = 0}}});
    const auto sum = [&] {
      const std::vector<float> slow = signed_slot(optimizer, "exp_avg_slow", codec, kCount);
      double all = 0;
      for (size_t i = 0; i < kCount; i += 2) all += static_cast<double>(slow[i]);
      return all;
    };
    const std::span<float> gradient = w.grad().span<float>();
    for (size_t i = 0; i < kCount; ++i)
      gradient[i] = i % 64 == 63 ? 1.0f : 0.5f + static_cast<float>(i % 61) / 150;
    optimizer.step();
    const double before = sum();
    for (size_t i = 0; i < kCount; ++i) gradient[i] *= i % 2 == 0 ? 3e-4f : 1e-4f;
    for (int t = 0; t < 200; ++t) optimizer.step();
    return sum() / before;
  };
  const double full = growth("fp32");
  CHECK(full == doctest::Approx(1.04).epsilon(0.002));
  CHECK(growth("blockwise8") == doctest::Approx(full).epsilon(0.005));
  CHECK(growth("bf16") == doctest::Approx(full).epsilon(0.005));
  CHECK(growth("blockwise8-v0.36") == doctest::Approx(1).epsilon(0.002));
}

TEST_CASE("groups have their own rule, learning rate and decay, and a schedule scales each") {
  const NamedParameter a = parameter("a", 300), b = parameter("b", 300), c = parameter("c", 300);
  HyperParameters slow = default_hyper("adam");
  slow.lr = 1e-4;
  Optimizer optimizer({{.parameters = {a, c}, .options = {.rule = "adamw"}},
                       {.parameters = {b}, .options = {.rule = "adam", .hyper = slow}}});
  CHECK(optimizer.lr(0) == 1e-3);
  optimizer.set_lr_factor(0.5);
  CHECK(optimizer.lr(0) == 5e-4);
  CHECK(optimizer.lr(1) == 5e-5);
  CHECK_ERROR(ErrorKind::Usage, "no group 2", optimizer.lr(2));
  // The first step of Adam moves every weight by the learning rate, AdamW's after shrinking it by lr wd.
  const auto w0 = a.variable.value().to_vector<float>(), w1 = b.variable.value().to_vector<float>();
  for (const auto& p : {a, b, c}) p.variable.grad().fill(2.0);
  optimizer.step();
  for (size_t i = 0; i < 300; ++i) {
    CHECK(a.variable.value().span<float>()[i] ==
          doctest::Approx(w0[i] * (1 - 5e-4 * 0.01) - 5e-4).epsilon(1e-5));
    CHECK(b.variable.value().span<float>()[i] == doctest::Approx(w1[i] - 5e-5).epsilon(1e-5));
  }
}

TEST_CASE("parameters that are views at odd addresses step like parameters of their own") {
  for (const char* codec : {"fp32", "bf16", "blockwise8"}) {
    const NamedParameter plain = parameter("w", 5000);
    const Tensor storage = Tensor::zeros({5003}, DType::F32, Device::cpu(), MemoryTag::Weights);
    const Tensor view = storage.slice_rows(1, 5001);
    view.copy_from(plain.variable.value());
    const std::vector<NamedParameter> a{plain}, b{{"w", Variable::leaf(view)}};
    Optimizer first({{.parameters = a, .options = {.codec = codec}}}),
        second({{.parameters = b, .options = {.codec = codec}}});
    for (uint64_t t = 0; t < 3; ++t) {
      set_gradients(a, t);
      set_gradients(b, t);
      first.step();
      second.step();
    }
    CHECK((weights_of(a) == weights_of(b)));
    CHECK((state_of(first) == state_of(second)));
    CHECK(storage.span<float>()[0] == 0.0f);
    CHECK(storage.span<float>()[5001] == 0.0f);
  }
}

TEST_CASE("a gradient that is not finite stops the step with the parameter's name and changes nothing") {
  for (const char* codec : {"fp32", "bf16", "blockwise8", "fp64"})
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
      const DType dtype = std::string(codec) == "fp64" ? DType::F64 : DType::F32;
      const auto parameters = model(dtype);
      Optimizer optimizer({{.parameters = parameters, .options = {.codec = codec}}}, {.max_norm = 1.0});
      set_gradients(parameters, 1);
      optimizer.step();
      const std::string weights = weights_of(parameters), state = state_of(optimizer);
      set_gradients(parameters, 2);
      const Tensor gradient = parameters[1].variable.grad();
      const Tensor one = gradient.slice_rows(4095, 4096);
      one.fill(bad);
      CHECK_ERROR(ErrorKind::NonFinite, "the gradient of 'fc.weight' is not finite at step 2",
                  optimizer.step());
      CHECK((weights_of(parameters) == weights));
      CHECK((state_of(optimizer) == state));
      CHECK(optimizer.steps() == 1);
      one.fill(0);
      optimizer.step();
      CHECK(optimizer.steps() == 2);
    }
}

TEST_CASE("gradients too large for a float's square are finite all the same") {
  const auto parameters = model();
  Optimizer optimizer({{.parameters = parameters}}, {.max_norm = 1.0});
  for (const auto& p : parameters) p.variable.grad().fill(3e38);
  optimizer.step();
  CHECK(optimizer.grad_norm() == doctest::Approx(3e38 * std::sqrt(12293.0 + 4096 + 17)));
  CHECK(optimizer.steps() == 1);
}

TEST_CASE("the skip policy leaves a bad step out, counts it, and goes on as if it had not been") {
  const auto with = model(), without = model();
  Optimizer skipping({{.parameters = with, .options = {.codec = "blockwise8"}}},
                     {.on_nonfinite = OnNonFinite::Skip});
  Optimizer plain({{.parameters = without, .options = {.codec = "blockwise8"}}});
  for (uint64_t t = 0; t < 4; ++t) {
    if (t == 2) {
      set_gradients(with, 9);
      with[2].variable.grad().fill(std::numeric_limits<double>::infinity());
      skipping.step();
    }
    set_gradients(with, t);
    set_gradients(without, t);
    skipping.step();
    plain.step();
  }
  CHECK(skipping.skipped_steps() == 1);
  CHECK(skipping.steps() == 4);
  CHECK((weights_of(with) == weights_of(without)));
}

TEST_CASE("clipping limits the norm of all gradients together") {
  const auto clipped = model(), scaled = model();
  Optimizer a({{.parameters = clipped}}, {.max_norm = 0.25}), b({{.parameters = scaled}});
  set_gradients(clipped, 3);
  set_gradients(scaled, 3);
  a.step();
  REQUIRE(a.grad_norm() > 0.25);
  const auto factor = static_cast<float>(0.25 / (a.grad_norm() + 1e-6));
  for (const auto& p : scaled)
    for (float& g : p.variable.grad().span<float>()) g *= factor;
  b.step();
  CHECK((weights_of(clipped) == weights_of(scaled)));
}

TEST_CASE("wrong use is refused with what to do") {
  const auto p = model();
  const auto with = [&](GroupOptions options) {
    return Optimizer({{.parameters = p, .options = std::move(options)}});
  };
  CHECK_ERROR(ErrorKind::Usage, "did you mean 'adam'?", with({.rule = "adams"}));
  CHECK_ERROR(ErrorKind::Usage, "unknown state codec 'blockwise9', did you mean 'blockwise8'?",
              with({.codec = "blockwise9"}));
  CHECK(second_moment("plain") == SecondMoment::Plain);
  CHECK_ERROR(ErrorKind::Usage, "unknown second moment 'flor', did you mean 'floor'?", second_moment("flor"));
  CHECK_ERROR(ErrorKind::Usage, "block size 100", with({.block_size = 100}));
  CHECK_ERROR(ErrorKind::Usage, "block size 32", with({.block_size = 32}));
  CHECK_ERROR(ErrorKind::Usage, "block size 8192", with({.block_size = 8192}));
  CHECK_ERROR(ErrorKind::Usage, "min_8bit_size is -1", with({.min_8bit_size = -1}));
  CHECK_ERROR(ErrorKind::Usage, "optimizer: group 0, overrides: no parameter fits the pattern 'fc.weigth'",
              with({.overrides = {{"fc.weigth", "fp32"}}}));
  CHECK_ERROR(ErrorKind::Usage, "'embedding.weight' is f32", with({.codec = "fp64"}));
  for (const double bad :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    HyperParameters hyper;
    hyper.lr = bad;
    CHECK_ERROR(ErrorKind::Usage, "lr is ", with({.hyper = hyper}));
    CHECK_ERROR(ErrorKind::Usage, "largest gradient norm", Optimizer({{.parameters = p}}, {.max_norm = bad}));
  }
  const std::pair<const char*, double HyperParameters::*> decays[] = {{"beta1", &HyperParameters::beta1},
                                                                      {"beta2", &HyperParameters::beta2},
                                                                      {"beta3", &HyperParameters::beta3},
                                                                      {"alpha", &HyperParameters::alpha}};
  for (const auto& [name, member] : decays) {
    HyperParameters hyper;
    hyper.*member = 1;
    CHECK_ERROR(ErrorKind::Usage, (name + std::string(" is 1; it must be below 1")).c_str(),
                with({.hyper = hyper}));
  }
  HyperParameters no_threshold;
  no_threshold.clip_threshold = 0;
  CHECK_ERROR(ErrorKind::Usage, "clip-threshold is 0; it must be above 0", with({.hyper = no_threshold}));
  CHECK_ERROR(ErrorKind::Usage, "no parameters", Optimizer({}));
  CHECK_ERROR(ErrorKind::Usage, "'fc.bias' comes twice", Optimizer({{.parameters = {p[2], p[2]}}}));
  CHECK_ERROR(ErrorKind::Usage, "'b' shares elements with 'a'",
              Optimizer({{.parameters = {{"a", p[0].variable}, {"b", p[0].variable}}}}));
  const Tensor whole = Tensor::zeros({100}, DType::F32, Device::cpu(), MemoryTag::Weights);
  const auto part = [&](int64_t from, int64_t to) { return Variable::leaf(whole.slice_rows(from, to)); };
  CHECK_ERROR(ErrorKind::Usage, "'late' shares elements with 'early'",
              Optimizer({{.parameters = {{"late", part(40, 100)}, {"early", part(0, 41)}}}}));
  const Optimizer apart(
      {{.parameters = {{"late", part(41, 100)}, {"none", part(41, 41)}, {"early", part(0, 41)}}}});
  CHECK(apart.parameter_count() == 100);
  CHECK_ERROR(ErrorKind::Usage, "'c' is not a leaf",
              Optimizer({{.parameters = {{"c", p[0].variable.detach()}}}}));
  CHECK_ERROR(ErrorKind::Usage, "factor of -1", with({}).set_lr_factor(-1));
  CHECK_ERROR(ErrorKind::Usage, "factor of inf",
              with({}).set_lr_factor(std::numeric_limits<double>::infinity()));
}

TEST_CASE("a step allocates nothing") {
  for (const char* codec : {"fp32", "bf16", "blockwise8"}) {
    const auto parameters = model();
    Optimizer optimizer({{.parameters = parameters, .options = {.codec = codec}}}, {.max_norm = 1.0});
    set_gradients(parameters, 1);
    optimizer.step();
    const MemoryUse before = ledger(Device::cpu()).use();
    for (int t = 0; t < 5; ++t) optimizer.step();
    const MemoryUse after = ledger(Device::cpu()).use();
    CHECK(after.system_allocations == before.system_allocations);
    CHECK(after.live_total == before.live_total);
  }
}

TEST_CASE("the bench counts the bytes that a step moves and stores") {
  const StepTiming fp32 = time_step({.codec = "fp32", .shapes = {{100000}, {5000}}, .repetitions = 2});
  CHECK(fp32.parameters == 105000);
  CHECK(fp32.state_bytes_per_parameter == 8.0);
  CHECK(fp32.bytes_per_parameter == 28.0);
  const StepTiming small = time_step({.codec = "blockwise8", .shapes = {{1 << 17}}, .repetitions = 2});
  CHECK(small.state_bytes_per_parameter == 2.03125);
  CHECK(small.bytes_per_parameter == 16.0625);
  CHECK(small.seconds > 0);
  CHECK(small.gbps == doctest::Approx(16.0625 * (1 << 17) / small.seconds / 1e9));
  CHECK(copy_gbps(Device::cpu(), 1 << 20, 2) > 0);
}
