// The step itself, whatever the rule: independence of codec, threads and SIMD level, clipping, extreme
// values.
#include <algorithm>
#include <bit>
#include <limits>

#include "tests/optim/plan_model.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

// Makes blocks among the others whose state is all zero, denormal or large, in one slot or in all.
void make_uneven(Model& model, int block) {
  constexpr float kFactor[] = {1, 1, 0, 1, 1, 1, 1e-20f, 1, 1e-30f, 1e-38f, 1, 1, 1, 1, 1e18f, 0, 0, 0, 1};
  for (size_t i = 0; i < model.gradients.size(); ++i) {
    const std::span<float> g = model.gradients[i].span<float>(), w = model.weights[i].span<float>();
    for (size_t k = 0; k < g.size(); ++k) {
      const float factor = kFactor[k / static_cast<size_t>(block) % std::size(kFactor)];
      g[k] *= factor;
      if (factor < 1) w[k] = 0;  // its decay is part of a gradient
    }
  }
}

// One step from the same decoded state and weights, in the codec and in fp32.
void check_against_fp32(const RuleInfo& rule, const CodecInfo& codec, int block, SecondMoment mode,
                        Rounding rounding, bool uneven = false) {
  Model small(rule.name, codec.name, kTensorSizes, block, mode, rounding),
      full(rule.name, "fp32", kTensorSizes, block);
  if (uneven) make_uneven(small, block), make_uneven(full, block);
  const StepTable& steps = cpu_steps();
  for (int t = 1; t <= 5; ++t) {
    for (size_t i = 0; i < small.weights.size(); ++i) {
      full.weights[i].copy_from(small.weights[i]);
      for (size_t slot = 0; slot < rule.slots.size(); ++slot)
        steps.decode(Device::cpu(), small.codec, rule.slots[slot].book, small.block_size,
                     small.state[i][slot].raw(), small.absmax[i][slot].data<float>(),
                     small.weights[i].numel(), full.state[i][slot].raw());
    }
    small.step(cpu::level(), t, busy_hyper(rule.name));
    full.step(cpu::level(), t, busy_hyper(rule.name));
    for (size_t i = 0; i < small.weights.size(); ++i) {
      CHECK(bytes_of(small.weights[i]) == bytes_of(full.weights[i]));
      for (size_t slot = 0; slot < rule.slots.size(); ++slot) {
        const Tensor stored = Tensor::like(small.state[i][slot], MemoryTag::Workspace);
        const Tensor largest = Tensor::like(small.absmax[i][slot], MemoryTag::Workspace);
        const Encoding how = encoding_of(small.plan, small.table[i].salt, small.slots[slot],
                                         dither_base(small.plan.seed, static_cast<int>(slot), t));
        steps.encode(Device::cpu(), small.codec, rule.slots[slot].book, how, small.block_size,
                     full.state[i][slot].raw(), full.weights[i].numel(), stored.raw(), largest.data<float>());
        CHECK(bytes_of(stored) == bytes_of(small.state[i][slot]));
        if (codec.has_absmax()) CHECK(bytes_of(largest) == bytes_of(small.absmax[i][slot]));
      }
    }
  }
}

TEST_CASE(
    "a codec changes only what is stored: the weights get the fresh fp32 state, which is then encoded") {
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs()) {
      if (codec.value != DType::F32) continue;
      INFO(rule.name << " " << codec.name);
      check_against_fp32(rule, codec, 64, SecondMoment::Plain, Rounding::Nearest);
      check_against_fp32(rule, codec, 256, SecondMoment::Dither, Rounding::Nearest);
      check_against_fp32(rule, codec, 4096, SecondMoment::Floor, Rounding::Stochastic);
    }
}

TEST_CASE("so do blocks of any size that have others of zeros, denormals or large values among them") {
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"blockwise8", "blockwise4"})
      for (const int block : {64, 128, 256, 512, 1024, 2048, 4096}) {
        INFO(rule.name << " " << codec << " " << block);
        check_against_fp32(rule, codec_named(codec), block, SecondMoment::Dither, Rounding::Nearest, true);
      }
}

TEST_CASE("weights and state are the same bytes for every number of threads and on every SIMD level") {
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs())
      for (const Rounding rounding : {Rounding::Nearest, Rounding::Stochastic}) {
        std::string expected;
        for (const cpu::Level level : levels())
          for (const int threads : {1, 2, 3, 7}) {
            const Threads scope(threads);
            Model model(rule.name, codec.name, kTensorSizes, kDefaultBlock, SecondMoment::Dither, rounding);
            for (int t = 1; t <= 4; ++t) model.step(level, t, busy_hyper(rule.name));
            if (expected.empty()) expected = model.bytes();
            INFO(rule.name << " " << codec.name << " " << cpu::name_of(level) << " " << threads
                           << " threads");
            CHECK((model.bytes() == expected));
          }
      }
}

TEST_CASE("a block never spans two parameters: stepping them together or apart gives the same bytes") {
  Model together("adam", "blockwise8", kTensorSizes);
  for (int t = 1; t <= 3; ++t) together.step(cpu::level(), t, busy_hyper("adam"));
  for (size_t i = 0; i < std::size(kTensorSizes); ++i) {
    Model alone("adam", "blockwise8", std::array{kTensorSizes[i]});
    const Model fresh("adam", "blockwise8", kTensorSizes);
    alone.weights[0].copy_from(fresh.weights[i]);
    alone.gradients[0].copy_from(fresh.gradients[i]);
    for (int t = 1; t <= 3; ++t) alone.step(cpu::level(), t, busy_hyper("adam"));
    CHECK(bytes_of(alone.weights[0]) == bytes_of(together.weights[i]));
    for (size_t slot = 0; slot < together.slots.size(); ++slot) {
      CHECK(bytes_of(alone.state[0][slot]) == bytes_of(together.state[i][slot]));
      CHECK(bytes_of(alone.absmax[0][slot]) == bytes_of(together.absmax[i][slot]));
    }
  }
}

TEST_CASE(
    "the gradient norm is that of all tensors together, the same for every number of threads and level") {
  for (const char* codec : {"fp64", "fp32"}) {
    const Model model("adam", codec, kTensorSizes);
    long double sum = 0;
    for (const Tensor& g : model.gradients)
      for (const double x : g.to(DType::F64, MemoryTag::Data).to_vector<double>())
        sum += static_cast<long double>(x) * x;
    const double norm = static_cast<double>(std::sqrt(sum));
    std::vector<double> partial(static_cast<size_t>(partial_count(&model.plan, 1)));
    StepControl first;
    for (const cpu::Level level : levels())
      for (const int threads : {1, 2, 5}) {
        const Threads scope(threads);
        StepControl control;
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, {.max_norm = norm / 2}, OnNonFinite::Stop,
                                 partial.data(), &control);
        if (first.norm == 0) first = control;
        CHECK(std::bit_cast<uint64_t>(control.norm) == std::bit_cast<uint64_t>(first.norm));
        CHECK(std::fabs(control.norm / norm - 1) < 1e-13);
        CHECK(std::fabs(control.scale - (norm / 2) / (norm + 1e-6)) < 1e-13);
        CHECK(control.bad_tensor == -1);
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, {.max_norm = norm * 2}, OnNonFinite::Stop,
                                 partial.data(), &control);
        CHECK(control.scale == 1.0);
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, {}, OnNonFinite::Stop, partial.data(),
                                 &control);
        CHECK(control.scale == 1.0);
      }
  }
}

TEST_CASE("clip factor and value limit inside the step equal gradients limited, then scaled beforehand") {
  for (const char* codec : {"fp32", "blockwise8", "blockwise4", "linear8"})
    for (const float limit : {std::numeric_limits<float>::infinity(), 4e-3f})
      for (const double scale : {1.0, 0.37}) {
        INFO(codec << " " << limit << " " << scale);
        Model fused("adam", codec, kTensorSizes), scaled("adam", codec, kTensorSizes);
        fused.control.scale = scale;
        fused.plan.max_value = static_cast<double>(limit);
        for (const Tensor& g : scaled.gradients)
          for (float& x : g.span<float>()) x = std::clamp(x, -limit, limit) * static_cast<float>(scale);
        for (int t = 1; t <= 3; ++t) {
          fused.step(cpu::level(), t, busy_hyper("adam"));
          scaled.step(cpu::level(), t, busy_hyper("adam"));
        }
        CHECK((fused.bytes() == scaled.bytes()));
      }
}

TEST_CASE("tiny, huge and zero gradients step like the reference and leave nothing that is not finite") {
  for (const RuleInfo& rule : rules())
    for (const CodecInfo& codec : codecs()) {
      if (codec.value != DType::F32) continue;
      INFO(rule.name << " " << codec.name);
      Model model(rule.name, codec.name, std::array<int64_t, 1>{1024});
      const HyperParameters hyper = rule.defaults;
      const float values[] = {0.0f, 1e-45f, -1e-38f, 1e-30f, 1e18f, -1e18f};
      for (int t = 1; t <= 4; ++t) {
        const std::span<float> g = model.gradients[0].span<float>();
        for (size_t i = 0; i < g.size(); ++i) g[i] = values[i / 256 + static_cast<size_t>(t % 3)];
        model.step(cpu::level(), t, hyper);
      }
      for (const float w : model.weights[0].to_vector<float>()) CHECK(std::isfinite(w));
      for (const Tensor& absmax : model.absmax[0])
        for (const float x : absmax.to_vector<float>()) CHECK(std::isfinite(x));
    }
}
