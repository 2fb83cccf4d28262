// Weights that are stored as bfloat16: widened for a step in float, and rounded after it.
#include <array>

#include "optim/bench.h"
#include "optim/weight_average.h"
#include "tests/optim/plan_model.h"
#include "tests/optim/weight_noise_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// 17 x 15, 1 x 7, 300 x 301 and others
constexpr int64_t kMatrixSizes[] = {1, 255, 7, 90300, 4097};

void check_rounds_the_step(const RuleInfo& rule, const CodecInfo& codec, Rounding rounding, bool matrices) {
  INFO(rule.name << " " << codec.name << " " << static_cast<int>(rounding) << " " << matrices);
  const std::span<const int64_t> sizes =
      matrices ? std::span<const int64_t>(kMatrixSizes) : std::span<const int64_t>(kTensorSizes);
  Model narrow(rule.name, codec.name, sizes, 256, SecondMoment::Dither, Rounding::Nearest, matrices, true),
      wide(rule.name, codec.name, sizes, 256, SecondMoment::Dither, Rounding::Nearest, matrices);
  narrow.plan.weight_rounding = rounding;
  for (int t = 1; t <= 3; ++t) {
    for (size_t i = 0; i < sizes.size(); ++i) wide.weights[i].copy_from(narrow.weights[i]);
    narrow.step(cpu::level(), t, busy_hyper(rule.name));
    wide.step(cpu::level(), t, busy_hyper(rule.name));
    for (size_t i = 0; i < sizes.size(); ++i) {
      const Encoding how =
          weight_encoding(narrow.plan, narrow.table[i].salt, dither_base(narrow.plan.seed, kWeightSlot, t));
      const auto got = narrow.weights[i].span<BFloat16>();
      const auto stepped = wide.weights[i].span<float>();
      size_t other = 0;
      for (size_t k = 0; k < got.size(); ++k)
        other += got[k].bits !=
                 rounded_bf16(stepped[k], how, dither_bits(how.dither_key, static_cast<uint32_t>(k)));
      CHECK(other == 0);
      for (size_t slot = 0; slot < narrow.slots.size(); ++slot) {
        CHECK((bytes_of(narrow.state[i][slot]) == bytes_of(wide.state[i][slot])));
        CHECK((bytes_of(narrow.absmax[i][slot]) == bytes_of(wide.absmax[i][slot])));
      }
    }
  }
}

Variable bf16_leaf(const std::vector<float>& values, const Shape& shape) {
  return Variable::leaf(Tensor::from(values, shape).to(DType::BF16, MemoryTag::Weights));
}

}  // namespace

TEST_CASE("a step is that of the widened weights, whose new values are rounded; state does not notice") {
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs())
      for (const Rounding rounding : {Rounding::Stochastic, Rounding::Nearest}) {
        if (codec.value != DType::F32) continue;
        check_rounds_the_step(rule, codec, rounding, false);
        if (!rule.matrix_slots.empty() && !codec.rounds()) check_rounds_the_step(rule, codec, rounding, true);
      }
}

TEST_CASE("bf16 weights are the same bytes for every number of threads and on every SIMD level") {
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs()) {
      if (codec.value != DType::F32) continue;
      std::string expected;
      for (const cpu::Level level : levels())
        for (const int threads : {1, 3}) {
          const Threads scope(threads);
          Model model(rule.name, codec.name, kTensorSizes, kDefaultBlock, SecondMoment::Dither,
                      Rounding::Nearest, false, true);
          for (int t = 1; t <= 3; ++t) model.step(level, t, busy_hyper(rule.name));
          if (expected.empty()) expected = model.bytes();
          INFO(rule.name << " " << codec.name << " " << cpu::name_of(level) << " " << threads << " threads");
          CHECK((model.bytes() == expected));
        }
    }
}

TEST_CASE("steps too small for nearest rounding add up where weights are rounded by chance") {
  // Between 1 and 2 values of bf16 are 2^-7 apart; a step is a 39th of that.
  const auto trained = [](Rounding rounding) {
    const Variable w = bf16_leaf(std::vector<float>(8192, 1.25f), {64, 128});
    HyperParameters h = default_hyper("sgd");
    h.lr = 2e-4;
    Optimizer optimizer(
        {{.parameters = {{"w", w}}, .options = {.rule = "sgd", .hyper = h, .weight_rounding = rounding}}});
    w.grad().fill(-1);
    for (int t = 0; t < 1000; ++t) optimizer.step();
    double sum = 0;
    for (const float x : floats_of(w.value())) sum += x;
    return sum / 8192;
  };
  CHECK(trained(Rounding::Nearest) == 1.25);
  // A weight's own path is random: 2^-7 sqrt(1000 / 39) = 0.04 off; the mean of 8,192 is 90 times closer.
  CHECK(trained(Rounding::Stochastic) == doctest::Approx(1.45).epsilon(1e-3));
}

TEST_CASE("a weight that a step does not change keeps its bits; large ones stay finite") {
  std::vector<float> values(4096);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i % 3 == 0
                    ? 0.0f
                    : std::ldexp(1.0f + static_cast<float>(i % 100) / 128, static_cast<int>(i % 200) - 100);
  values[1] = 3.3895314e38f, values[2] = -3.3895314e38f;  // the largest of bf16
  const Variable w = bf16_leaf(values, {4096});
  const std::string before = bytes_of(w.value());
  Optimizer optimizer({{.parameters = {{"w", w}}, .options = {.codec = "blockwise8"}}});
  w.grad().fill(0);
  for (int t = 0; t < 10; ++t) optimizer.step();
  CHECK((bytes_of(w.value()) == before));
  HyperParameters h = default_hyper("sgd");
  h.lr = 5e35;
  Optimizer steps({{.parameters = {{"w", w}}, .options = {.rule = "sgd", .hyper = h}}});
  for (const float gradient : {-1.0f, 1.0f}) {
    w.grad().fill(gradient);
    for (int t = 0; t < 3; ++t) steps.step();
    for (const float x : floats_of(w.value())) CHECK(std::isfinite(x));
  }
}

TEST_CASE("gradients of bf16 weights are f32, and a step reads and writes as much as it says") {
  const std::vector<NamedParameter> p = bf16_model_on(Device::cpu());
  CHECK(p[0].variable.grad().dtype() == DType::F32);
  Optimizer optimizer({{.parameters = p, .options = {.codec = "blockwise8"}}});
  // embedding.weight and fc.weight: 2 + 2 + 4 + 4 bytes a weight and twice 2 absmax of 4; fc.bias: all of
  // f32.
  const int64_t absmax = (3 * 4096 + 5 + 255) / 256 + 16;
  CHECK(optimizer.update_bytes() == 12 * (4 * 4096 + 5) + 4 * 4 * absmax + 28 * 17);
  const StepTiming timing = time_step({.shapes = {{1 << 14}, {100}}, .bf16_weights = true, .repetitions = 1});
  CHECK(timing.bytes_per_parameter ==
        doctest::Approx((12.0625 * (1 << 14) + 28.0 * 100) / ((1 << 14) + 100)));
}

TEST_CASE("a run with bf16 weights goes on from its saved state, and state is converted as for others") {
  const auto train = [](bool reload, const char* other) {
    const std::vector<NamedParameter> p = bf16_model_on(Device::cpu());
    const auto make = [&](const char* codec) {
      return Optimizer({{.parameters = p, .options = {.codec = codec}}}, {.max_norm = 0.25, .seed = 3});
    };
    Optimizer optimizer = make("blockwise8");
    for (uint64_t t = 0; t < 6; ++t) {
      if (reload && t == 3) {
        const NamedTensors saved = copies_of(optimizer.state());
        optimizer = make(other);
        const std::string said = optimizer.load_state(saved);
        CHECK(said == (std::string(other) == "blockwise8"
                           ? ""
                           : "optimizer state converted from blockwise8 to fp32 (2 of 3 tensors)"));
      }
      set_gradients(p, t);
      optimizer.step();
    }
    return weights_of(p);
  };
  const std::string whole = train(false, "");
  CHECK((train(true, "blockwise8") == whole));
  CHECK((train(true, "fp32") != whole));
}

TEST_CASE("Muon steps bf16 matrices as f32 ones, but for rounding") {
  for (const char* codec : {"fp32", "blockwise8"}) {
    HyperParameters h = default_hyper("muon");
    h.lr = 0.1;
    const auto train = [&](DType type) {
      const std::vector<NamedParameter> p{matrix("wide", 64, 130, Device::cpu(), type),
                                          matrix("tall", 130, 64, Device::cpu(), type)};
      if (type == DType::F32)  // from the same start
        for (const NamedParameter& each : p)
          each.variable.value().copy_from(
              each.variable.value().to(DType::BF16, MemoryTag::Data).to(DType::F32, MemoryTag::Data));
      Optimizer optimizer({{.parameters = p, .options = {.rule = "muon", .codec = codec, .hyper = h}}});
      for (const NamedParameter& each : p) set_even_gradient(each, 1);
      optimizer.step();
      std::vector<float> all;
      for (const NamedParameter& each : p)
        for (const float x : floats_of(each.variable.value())) all.push_back(x);
      return all;
    };
    const std::vector<float> narrow = train(DType::BF16), wide = train(DType::F32);
    size_t other = 0;
    for (size_t i = 0; i < wide.size(); ++i)
      if (!(std::fabs(narrow[i] - wide[i]) <= std::ldexp(std::fabs(wide[i]), -7))) ++other;
    CHECK(other == 0);
    CHECK((narrow != wide));
  }
}

TEST_CASE("averages of bf16 weights are f32: in bf16 they would stand still") {
  const std::vector<NamedParameter> p = bf16_model_on(Device::cpu());
  CHECK_ERROR(ErrorKind::Usage, "the average of 'embedding.weight' is bf16 on cpu; it must be f32 on cpu",
              WeightAverage(p, bf16_model_on(Device::cpu()), 0.9));
}
