// The step itself: formulas, independence of codec, threads, SIMD level and alignment.
#include <bit>

#include "core/cpu/thread_pool.h"
#include "optim/conclude.h"
#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

constexpr int64_t kSizes[] = {1, 255, 256, 257, 4095, 4096, 4097, 70001};

// Adam and AdamW as design.md writes them, element by element in double, knowing nothing of the code under
// test.
struct Reference {
  std::vector<double> w, m, v;
  std::vector<double>
      terms;  // the largest |g| + |wd w| so far: what the rounding errors of m and v are relative to
  explicit Reference(std::vector<double> weights)
      : w(std::move(weights)), m(w.size()), v(w.size()), terms(w.size()) {}
  void step(bool decoupled, int t, const std::vector<double>& gradient, const HyperParameters& h) {
    for (size_t i = 0; i < w.size(); ++i) {
      double g = gradient[i];
      terms[i] = std::max(terms[i], std::fabs(g) + h.weight_decay * std::fabs(w[i]));
      if (decoupled) w[i] *= 1 - h.lr * h.weight_decay;
      if (!decoupled) g += h.weight_decay * w[i];
      m[i] = h.beta1 * m[i] + (1 - h.beta1) * g;
      v[i] = h.beta2 * v[i] + (1 - h.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(h.beta1, t)), v_hat = v[i] / (1 - std::pow(h.beta2, t));
      w[i] -= h.lr * m_hat / (std::sqrt(v_hat) + h.eps);
    }
  }
};

// A plan of a few tensors on its own, without the Optimizer: so that level and threads can be chosen.
struct Model {
  int codec, block_size;
  std::vector<Tensor> weights, gradients;
  std::vector<std::vector<Tensor>> state, absmax;
  std::vector<StepTensor> table;
  StepPlan plan{};
  StepControl control;
  Tensor constants = Tensor::zeros({kUpdateBytes}, DType::U8, Device::cpu(), MemoryTag::Workspace);

  Model(const char* rule, const char* codec_name, std::span<const int64_t> sizes, int block = kDefaultBlock,
        SecondMoment mode = SecondMoment::Floor) {
    plan.second_moment = mode;
    codec = codec_place(codec_name);
    const CodecInfo info = codecs()[static_cast<size_t>(codec)];
    block_size = info.blockwise ? block : kPlainBlock;
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
                     .first_block = plan.block_count};
      for (size_t slot = 0; slot < 2; ++slot) {
        state.back().push_back(Tensor::zeros({n}, info.stored, Device::cpu(), MemoryTag::OptimizerState));
        absmax.back().push_back(Tensor::zeros({(n + block_size - 1) / block_size}, DType::F32, Device::cpu(),
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
      for (size_t slot = 0; slot < 2; ++slot) out += bytes_of(state[i][slot]) + bytes_of(absmax[i][slot]);
    }
    return out;
  }
};

struct Threads {
  explicit Threads(int n) { cpu::set_thread_count(n); }
  ~Threads() { cpu::set_thread_count(0); }
};

HyperParameters hyper_of(const char* rule) {
  HyperParameters hyper = default_hyper(rule);
  hyper.lr = 3e-3;
  hyper.weight_decay = 0.02;
  return hyper;
}

}  // namespace

TEST_CASE("adam and adamw follow their formulas, to rounding in double and to float accuracy in float") {
  for (const char* rule : {"adam", "adamw"})
    for (const char* codec : {"fp64", "fp32"})
      for (const int64_t n : kSizes) {
        Model model(rule, codec, std::array{n});
        const bool exact = std::string(codec) == "fp64";
        HyperParameters hyper = hyper_of(rule);
        // Where g + wd w cancels, float rounding of w grows from step to step without bound; double tests
        // that part.
        if (!exact && std::string(rule) == "adam") hyper.weight_decay = 0;
        const auto as_double = [](const Tensor& t) {
          return t.to(DType::F64, MemoryTag::Data).to_vector<double>();
        };
        Reference reference(as_double(model.weights[0]));
        Rng rng(5);
        for (int t = 1; t <= 8; ++t) {
          model.gradients[0].copy_from(tensor_of(random_values(n, rng, 1e-2), model.gradients[0].dtype()));
          reference.step(std::string(rule) == "adamw", t, as_double(model.gradients[0]), hyper);
          model.step(cpu::level(), t, hyper);
        }
        const auto w = as_double(model.weights[0]), m = as_double(model.state[0][0]),
                   v = as_double(model.state[0][1]);
        double worst_w = 0, worst_m = 0, worst_v = 0;
        for (size_t i = 0; i < w.size(); ++i) {
          // g + wd w and the sum in m may cancel, so errors are measured against what was added up.
          const double rest = 1 - std::pow(hyper.beta2, 8), root = std::sqrt(reference.v[i] / rest);
          const double terms = reference.terms[i];
          worst_m = std::max(worst_m, std::fabs(m[i] - reference.m[i]) / terms);
          worst_v = std::max(worst_v, std::fabs(v[i] - reference.v[i]) / (rest * terms * root));
          worst_w = std::max(worst_w, std::fabs(w[i] - reference.w[i]) /
                                          (std::fabs(reference.w[i]) + hyper.lr * terms / root));
        }
        INFO(rule << " " << codec << " " << n);
        CHECK(worst_w < (exact ? 2e-15 : 1e-6));
        CHECK(worst_m < (exact ? 2e-15 : 1e-6));
        CHECK(worst_v < (exact ? 2e-15 : 1e-6));
      }
}

TEST_CASE(
    "a codec changes only what is stored: the weights get the fresh fp32 state, which is then encoded") {
  for (const char* rule : {"adam", "adamw"})
    for (const char* codec : {"bf16", "blockwise8"})
      for (const int block : {64, 256, 4096}) {
        const SecondMoment mode = block == 64 ? SecondMoment::Plain : SecondMoment::Floor;
        Model small(rule, codec, kSizes, block, mode), full(rule, "fp32", kSizes, block);
        const int place = small.codec;
        const bool blockwise = std::string(codec) == "blockwise8";
        const StepTable& steps = cpu_steps();
        for (int t = 1; t <= 5; ++t) {
          // Both start the step from the same decoded state and the same weights.
          for (size_t i = 0; i < small.weights.size(); ++i) {
            full.weights[i].copy_from(small.weights[i]);
            for (size_t slot = 0; slot < 2; ++slot)
              steps.decode(Device::cpu(), place, slot == 0 ? Book::Signed : Book::Unsigned, small.block_size,
                           small.state[i][slot].raw(), small.absmax[i][slot].data<float>(),
                           small.weights[i].numel(), full.state[i][slot].raw());
          }
          small.step(cpu::level(), t, hyper_of(rule));
          full.step(cpu::level(), t, hyper_of(rule));
          for (size_t i = 0; i < small.weights.size(); ++i) {
            CHECK(bytes_of(small.weights[i]) == bytes_of(full.weights[i]));
            for (size_t slot = 0; slot < 2; ++slot) {
              const Tensor stored = Tensor::like(small.state[i][slot], MemoryTag::Workspace);
              const Tensor largest = Tensor::like(small.absmax[i][slot], MemoryTag::Workspace);
              steps.encode(Device::cpu(), place, slot == 0 ? Book::Signed : Book::Unsigned,
                           small.plan.second_moment, small.block_size, full.state[i][slot].raw(),
                           full.weights[i].numel(), stored.raw(), largest.data<float>());
              CHECK(bytes_of(stored) == bytes_of(small.state[i][slot]));
              if (blockwise) CHECK(bytes_of(largest) == bytes_of(small.absmax[i][slot]));
            }
          }
        }
      }
}

TEST_CASE("weights and state are the same bytes for every number of threads and on every SIMD level") {
  for (const char* rule : {"adam", "adamw"})
    for (const char* codec : {"fp64", "fp32", "bf16", "blockwise8"}) {
      std::string expected;
      for (const cpu::Level level : levels())
        for (const int threads : {1, 2, 3, 7}) {
          const Threads scope(threads);
          Model model(rule, codec, kSizes);
          for (int t = 1; t <= 4; ++t) model.step(level, t, hyper_of(rule));
          if (expected.empty()) expected = model.bytes();
          INFO(rule << " " << codec << " " << cpu::name_of(level) << " " << threads << " threads");
          CHECK((model.bytes() == expected));
        }
    }
}

TEST_CASE("a block never spans two parameters: stepping them together or apart gives the same bytes") {
  Model together("adam", "blockwise8", kSizes);
  for (int t = 1; t <= 3; ++t) together.step(cpu::level(), t, hyper_of("adam"));
  for (size_t i = 0; i < std::size(kSizes); ++i) {
    Model alone("adam", "blockwise8", std::array{kSizes[i]});
    const Model fresh("adam", "blockwise8", kSizes);
    alone.weights[0].copy_from(fresh.weights[i]);
    alone.gradients[0].copy_from(fresh.gradients[i]);
    for (int t = 1; t <= 3; ++t) alone.step(cpu::level(), t, hyper_of("adam"));
    CHECK(bytes_of(alone.weights[0]) == bytes_of(together.weights[i]));
    for (size_t slot = 0; slot < 2; ++slot) {
      CHECK(bytes_of(alone.state[0][slot]) == bytes_of(together.state[i][slot]));
      CHECK(bytes_of(alone.absmax[0][slot]) == bytes_of(together.absmax[i][slot]));
    }
  }
}

TEST_CASE(
    "the gradient norm is that of all tensors together, the same for every number of threads and level") {
  for (const char* codec : {"fp64", "fp32"}) {
    const Model model("adam", codec, kSizes);
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
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, norm / 2, OnNonFinite::Stop, partial.data(),
                                 &control);
        if (first.norm == 0) first = control;
        CHECK(std::bit_cast<uint64_t>(control.norm) == std::bit_cast<uint64_t>(first.norm));
        CHECK(std::fabs(control.norm / norm - 1) < 1e-13);
        CHECK(std::fabs(control.scale - (norm / 2) / (norm + 1e-6)) < 1e-13);
        CHECK(control.bad_tensor == -1);
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, norm * 2, OnNonFinite::Stop, partial.data(),
                                 &control);
        CHECK(control.scale == 1.0);
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, 0, OnNonFinite::Stop, partial.data(),
                                 &control);
        CHECK(control.scale == 1.0);
      }
  }
}

TEST_CASE("the clip factor inside the step equals gradients scaled beforehand") {
  for (const char* codec : {"fp32", "blockwise8"}) {
    Model fused("adam", codec, kSizes), scaled("adam", codec, kSizes);
    fused.control.scale = 0.37;
    for (const Tensor& g : scaled.gradients)
      for (float& x : g.span<float>()) x *= 0.37f;
    for (int t = 1; t <= 3; ++t) {
      fused.step(cpu::level(), t, hyper_of("adam"));
      scaled.step(cpu::level(), t, hyper_of("adam"));
    }
    CHECK((fused.bytes() == scaled.bytes()));
  }
}

TEST_CASE("tiny, huge and zero gradients step like the reference and leave nothing that is not finite") {
  for (const char* codec : {"fp32", "bf16", "blockwise8"}) {
    Model model("adam", codec, std::array<int64_t, 1>{1024});
    const HyperParameters hyper = default_hyper("adam");
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
