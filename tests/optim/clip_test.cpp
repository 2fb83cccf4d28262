// Clipping by value, by norm, and by a percentile of past norms.
#include <deque>

#include "tests/optim/feature_cases.h"
#include "tests/optim/plan_model.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

void limit_gradients(const std::vector<NamedParameter>& parameters, float bound) {
  for (const NamedParameter& p : parameters)
    for (float& g : p.variable.grad().span<float>()) g = std::clamp(g, -bound, bound);
}

double squared_norm(const std::vector<NamedParameter>& parameters) {
  double sum = 0;
  for (const NamedParameter& p : parameters)
    for (const float g : p.variable.grad().span<float>()) sum += static_cast<double>(g) * g;
  return sum;
}

// The percentile of clip.h, with a sort.
double limit_of(const std::deque<double>& norms, double percentile) {
  std::vector<double> sorted(norms.begin(), norms.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(percentile * static_cast<double>(sorted.size()) / 100)];
}

}  // namespace

TEST_CASE("value clipping inside the step equals gradients limited beforehand, for every rule and codec") {
  constexpr float kBound = 2e-3f;
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"fp32", "bf16", "blockwise8", "blockwise4"}) {
      INFO(rule.name << " " << codec);
      const auto fused = model(), before = model();
      const GroupOptions options{.rule = std::string(rule.name), .codec = codec};
      Optimizer a({{.parameters = fused, .options = options}}, {.max_value = kBound});
      Optimizer b({{.parameters = before, .options = options}});
      for (uint64_t t = 0; t < 3; ++t) {
        set_gradients(fused, t);
        set_gradients(before, t);
        limit_gradients(before, kBound);
        a.step();
        b.step();
      }
      CHECK(a.grad_norm() == b.grad_norm());
      CHECK((weights_of(fused) == weights_of(before)));
      CHECK((state_of(a) == state_of(b)));
    }
}

TEST_CASE("norm clipping goes by the gradients as value clipping leaves them") {
  const auto fused = model(), before = model();
  Optimizer a({{.parameters = fused}}, {.max_value = 1e-3, .max_norm = 0.02}),
      b({{.parameters = before}}, {.max_norm = 0.02});
  set_gradients(fused, 4);
  set_gradients(before, 4);
  const double raw = std::sqrt(squared_norm(before));
  limit_gradients(before, 1e-3f);
  a.step();
  b.step();
  CHECK(a.grad_norm() < 0.9 * raw);
  CHECK(a.grad_norm() == doctest::Approx(std::sqrt(squared_norm(before))).epsilon(1e-12));
  REQUIRE(a.grad_norm() > 0.02);
  CHECK((weights_of(fused) == weights_of(before)));
}

TEST_CASE("the norm of limited gradients is the same for every number of threads and level") {
  for (const char* codec : {"fp64", "fp32"}) {
    Model model("adam", codec, kTensorSizes);
    model.plan.max_value = 3e-3;
    std::vector<double> partial(static_cast<size_t>(partial_count(&model.plan, 1)));
    double expected = 0;
    for (const Tensor& g : model.gradients)
      for (const double x : g.to(DType::F64, MemoryTag::Data).to_vector<double>())
        expected += std::pow(std::min(std::abs(x), static_cast<double>(3e-3f)), 2);
    double first = 0;
    for (const cpu::Level level : levels())
      for (const int threads : {1, 3}) {
        const Threads scope(threads);
        StepControl control;
        cpu_steps(level).measure(Device::cpu(), &model.plan, 1, {}, OnNonFinite::Stop, partial.data(),
                                 &control);
        if (first == 0) first = control.norm;
        CHECK(control.norm == first);
        CHECK(control.norm == doctest::Approx(std::sqrt(expected)).epsilon(1e-6));
      }
  }
}

TEST_CASE("a value that is not finite stays so when it is limited") {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  CHECK(limited(infinity, 2.0f) == 2.0f);
  for (const float bad : {infinity, -infinity, nan}) CHECK(!std::isfinite(limited_if_finite(bad, 2.0f)));
  for (const float x : {0.0f, 1.5f, -3e38f, 1e-45f}) {
    CHECK(limited(x, infinity) == x);
    CHECK(limited_if_finite(x, 2.0f) == std::clamp(x, -2.0f, 2.0f));
  }
}

TEST_CASE("the history of norms holds the last hundred in order, ties and repeats included") {
  NormHistory history;
  std::deque<double> last;
  Rng rng(3);
  for (int t = 0; t < 1000; ++t) {
    const double square = static_cast<double>(rng.below(t < 500 ? 1000 : 7)) / 8;
    history.add(square);
    last.push_back(square);
    if (last.size() > 100) last.pop_front();
    REQUIRE(history.size() == static_cast<int>(last.size()));
    for (const double percentile : {1e-9, 1.0, 37.5, 50.0, 99.0, 99.99999999999999})
      REQUIRE(history.squared_limit(percentile) == limit_of(last, percentile));
  }
}

TEST_CASE(
    "percentile clipping scales a gradient to that percentile of the last hundred norms, its own included") {
  for (const double percentile : {5.0, 50.0, 90.0}) {
    const auto clipped = model(), scaled = model();
    Optimizer a({{.parameters = clipped, .options = {.rule = "sgd"}}}, {.norm_percentile = percentile});
    Optimizer b({{.parameters = scaled, .options = {.rule = "sgd"}}});
    std::deque<double> norms;
    int clips = 0;
    for (uint64_t t = 0; t < 140; ++t) {
      for (const auto& list : {clipped, scaled})
        for (const NamedParameter& p : list)
          p.variable.grad().fill(1e-3 * static_cast<double>(1 + t * t * 31 % 101));
      a.step();
      norms.push_back(a.grad_norm());
      if (norms.size() > 100) norms.pop_front();
      const double limit = limit_of(norms, percentile);
      if (a.grad_norm() > limit) {
        ++clips;
        for (const NamedParameter& p : scaled)
          for (float& g : p.variable.grad().span<float>()) g *= static_cast<float>(limit / a.grad_norm());
      }
      if (t == 0) CHECK(clips == 0);  // its own norm is all there is
      b.step();
    }
    CHECK((weights_of(clipped) == weights_of(scaled)));
    CHECK(clips > (percentile < 90 ? 50 : 5));
    CHECK(clips < 140);
  }
}

TEST_CASE(
    "the smaller factor of norm and percentile clipping counts, and percentiles 0 and 100 clip nothing") {
  const auto run = [](OptimizerOptions options, double gradient) {
    const auto p = model();
    Optimizer optimizer({{.parameters = p, .options = {.rule = "sgd"}}}, options);
    for (const double g : {1e-3, gradient}) {
      for (const NamedParameter& q : p) q.variable.grad().fill(g);
      optimizer.step();
    }
    return weights_of(p);
  };
  const double first_norm = 1e-3 * std::sqrt(12293.0 + 4096 + 17);
  CHECK((run({.norm_percentile = 20}, 5e-3) ==
         run({.max_norm = 10 * first_norm, .norm_percentile = 20}, 5e-3)));
  CHECK((run({.max_norm = first_norm / 2}, 5e-3) ==
         run({.max_norm = first_norm / 2, .norm_percentile = 20}, 5e-3)));
  CHECK((run({.norm_percentile = 20}, 5e-3) != run({}, 5e-3)));
  CHECK((run({.norm_percentile = 0}, 5e-3) == run({}, 5e-3)));
  CHECK((run({.norm_percentile = 100}, 5e-3) == run({}, 5e-3)));
}

TEST_CASE("skipped steps leave no norm, and a reload goes on with the same bytes, wherever it falls") {
  for (const uint64_t stop : {3, 100, 157}) {
    const auto straight = model(), parts = model();
    const OptimizerOptions options{.norm_percentile = 30, .on_nonfinite = OnNonFinite::Skip};
    const auto make = [&](const std::vector<NamedParameter>& p) {
      return Optimizer({{.parameters = p, .options = {.codec = "blockwise8"}}}, options);
    };
    Optimizer a = make(straight), b = make(parts);
    for (uint64_t t = 0; t < 180; ++t) {
      if (t == stop) {
        const NamedTensors saved = copies_of(b.state());
        CHECK(tensor_in(saved, "optimizer.norm_history").numel() == std::min<int64_t>(100, b.steps()));
        b = make(parts);
        CHECK(b.load_state(saved) == "");
      }
      for (const auto& list : {straight, parts}) {
        for (const NamedParameter& p : list)
          p.variable.grad().fill(1e-3 * static_cast<double>(1 + t * t * 31 % 101));
        if (t % 10 == 4) spoil(list[0], std::numeric_limits<double>::quiet_NaN());
      }
      a.step();
      b.step();
    }
    CHECK(a.skipped_steps() == 18);
    CHECK((weights_of(straight) == weights_of(parts)));
    CHECK((state_of(a) == state_of(b)));
  }
}

TEST_CASE("a history of norms that does not fit is refused, and nothing is changed") {
  const auto p = model();
  Optimizer optimizer({{.parameters = p}}, {.norm_percentile = 30});
  set_gradients(p, 1);
  optimizer.step();
  const NamedTensors saved = copies_of(optimizer.state());
  const std::string before = state_of(optimizer);
  const auto with = [&](const Tensor& history) {
    NamedTensors changed = saved;
    for (auto& [name, tensor] : changed)
      if (name == "optimizer.norm_history") tensor = history;
    return changed;
  };
  CHECK_ERROR(ErrorKind::Checkpoint, "expected at most 100 of f64",
              optimizer.load_state(with(Tensor::zeros({101}, DType::F64, Device::cpu(), MemoryTag::Data))));
  CHECK_ERROR(ErrorKind::Checkpoint, "expected at most 100 of f64",
              optimizer.load_state(with(Tensor::zeros({3}, DType::F32, Device::cpu(), MemoryTag::Data))));
  CHECK_ERROR(
      ErrorKind::Checkpoint, "expected at most 100 of f64",
      optimizer.load_state(with(Tensor::zeros({10, 10}, DType::F64, Device::cpu(), MemoryTag::Data))));
  for (const double bad : {-1.0, std::nan("")})
    CHECK_ERROR(ErrorKind::Checkpoint, "which is no square",
                optimizer.load_state(with(Tensor::from(std::vector<double>{1, bad}, {2}))));
  NamedTensors without = saved;
  std::erase_if(without, [](const auto& entry) { return entry.first == "optimizer.norm_history"; });
  CHECK_ERROR(ErrorKind::Checkpoint, "'optimizer.norm_history' is missing", optimizer.load_state(without));
  CHECK((state_of(optimizer) == before));
}

TEST_CASE("bounds of clipping that make no sense are refused") {
  const auto p = model();
  for (const double bad :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK_ERROR(ErrorKind::Usage, "largest gradient element is ",
                Optimizer({{.parameters = p}}, {.max_value = bad}));
    CHECK_ERROR(ErrorKind::Usage, "percentile of gradient norms is ",
                Optimizer({{.parameters = p}}, {.norm_percentile = bad}));
  }
  CHECK_ERROR(ErrorKind::Usage, "percentile of gradient norms is 101",
              Optimizer({{.parameters = p}}, {.norm_percentile = 101}));
}
