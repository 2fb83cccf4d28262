// Rules with a form of their own for matrices, and the Optimizer that gives it to them.
#include <array>
#include <limits>

#include "tests/optim/plan_model.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// Adafactor's matrices by the letter of its paper.
struct Matrix {
  size_t rows, columns;
  std::vector<double> w, row, column;

  void step(const std::vector<double>& g, int t, const HyperParameters& h) {
    const double rest = std::pow(t, -h.decay_rate), count = static_cast<double>(w.size());
    std::vector<double> r(rows), c(columns);
    for (size_t i = 0; i < w.size(); ++i) {
      r[i / columns] += (g[i] * g[i] + h.eps) / static_cast<double>(columns);
      c[i % columns] += (g[i] * g[i] + h.eps) / static_cast<double>(rows);
    }
    double mean = 0, weights = 0, directions = 0;
    for (size_t i = 0; i < rows; ++i) {
      row[i] = (1 - rest) * row[i] + rest * r[i];
      mean += row[i] / static_cast<double>(rows);
    }
    for (size_t i = 0; i < columns; ++i) column[i] = (1 - rest) * column[i] + rest * c[i];
    std::vector<double> u(w.size());
    for (size_t i = 0; i < w.size(); ++i) {
      u[i] = g[i] / std::sqrt(row[i / columns] * column[i % columns] / mean);
      weights += w[i] * w[i];
      directions += u[i] * u[i];
    }
    const double relative = std::max(h.eps2, std::sqrt(weights / count)) * std::min(h.lr, 1 / std::sqrt(t));
    const double rate =
        (h.fixed_step ? h.lr : relative) / std::max(1.0, std::sqrt(directions / count) / h.clip_threshold);
    for (size_t i = 0; i < w.size(); ++i) w[i] = (1 - h.lr * h.weight_decay) * w[i] - rate * u[i];
  }
};

void check_close(const std::vector<double>& got, const std::vector<double>& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  double largest = 0, worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    worst = std::max(worst, std::fabs(got[i] - expected[i]));
  }
  CHECK(worst <= tolerance * largest);
}

std::vector<HyperParameters> variants() {
  HyperParameters h = default_hyper("adafactor");
  h.lr = 3e-3;
  std::vector<HyperParameters> out(4, h);
  out[1].weight_decay = 0.02;
  out[2].fixed_step = true, out[2].clip_threshold = 0.2, out[2].decay_rate = 0.5;
  out[3].eps2 = 10, out[3].lr = 0.5, out[3].weight_decay = 0.02;
  return out;
}

NamedParameter shaped(const std::string& name, const Shape& shape, DType dtype = DType::F32) {
  const NamedParameter flat = parameter(name, shape.numel(), 1, dtype);
  return {name, Variable::leaf(flat.variable.value().reshape(shape))};
}

// A matrix, a tensor of three axes, a vector, and a matrix without elements.
std::vector<NamedParameter> layers(DType dtype = DType::F32) {
  return {shaped("embedding", {130, 70}, dtype), shaped("filters", {5, 30, 33}, dtype),
          shaped("bias", {5000}, dtype), shaped("none", {0, 7}, dtype)};
}

Tensor state_named(const Optimizer& optimizer, const std::string& name) {
  for (const auto& [key, tensor] : optimizer.state())
    if (key == name) return tensor;
  FAIL("no state ", name);
  return {};
}

}  // namespace

TEST_CASE("Adafactor's matrices follow the formula for 20 steps in double") {
  for (const int64_t count : {12, 15, 4097, 51200, 90300})
    for (const HyperParameters& hyper : variants()) {
      Model model("adafactor", "fp64", std::array{count}, kDefaultBlock, SecondMoment::Dither,
                  Rounding::Nearest, true);
      const auto columns = static_cast<size_t>(columns_of(count)),
                 rows = static_cast<size_t>(count) / columns;
      Matrix expected{rows, columns, doubles_of(model.weights[0]), std::vector<double>(rows),
                      std::vector<double>(columns)};
      for (int t = 1; t <= 20; ++t) {
        Rng rng(static_cast<uint64_t>(t));
        std::vector<double> g = random_values(count, rng, 1e-2);
        for (size_t i = 0; i < g.size(); i += 1 + i % 7) g[i] = 0;
        for (size_t i = 0; i < columns; ++i) g[i] = 0;  // a row that never has a gradient
        model.gradients[0].copy_from(tensor_of(g, DType::F64));
        expected.step(g, t, hyper);
        model.step(cpu::level(), t, hyper);
      }
      INFO(count << " elements");
      check_close(doubles_of(model.weights[0]), expected.w, 1e-12);
      check_close(doubles_of(model.state[0][0]), expected.row, 1e-13);
      check_close(doubles_of(model.state[0][1]), expected.column, 1e-13);
    }
}

TEST_CASE("PyTorch's Adafactor and ours take the same 20 steps over a matrix in double") {
  // From torch_golden.py: 4 rows of 3 columns.
  const std::vector<double> expected{1.0010183209703698,  0.27038735919452966, -0.8589846358864597,
                                     -0.7272674535157277, 0.46462639175546805, 0.9775558694264388,
                                     0.04976915368908635, -0.948895982407781,  -0.5558652392449769,
                                     0.6465782213072723,  0.9042354903752543,  -0.16071611163603253};
  HyperParameters hyper = default_hyper("adafactor");
  hyper.lr = 3e-3;
  hyper.weight_decay = 0.02;
  Model model("adafactor", "fp64", std::array<int64_t, 1>{12}, kDefaultBlock, SecondMoment::Dither,
              Rounding::Nearest, true);
  std::vector<double> w(12), g(12);
  for (size_t i = 0; i < 12; ++i) w[i] = std::cos(1.3 * static_cast<double>(i));
  model.weights[0].copy_from(tensor_of(w, DType::F64));
  for (int t = 1; t <= 20; ++t) {
    for (size_t i = 0; i < 12; ++i) {
      const auto x = static_cast<double>(i);
      g[i] = std::sin(1.7 * x + 0.9 * t) * std::pow(10.0, -x);
    }
    model.gradients[0].copy_from(tensor_of(g, DType::F64));
    model.step(cpu::level(), t, hyper);
  }
  check_close(doubles_of(model.weights[0]), expected, 1e-12);
}

TEST_CASE("in float Adafactor's matrices are those of double but for rounding") {
  for (const HyperParameters& hyper : variants()) {
    const auto run = [&](const char* codec) {
      Model model("adafactor", codec, std::array<int64_t, 1>{51200}, kDefaultBlock, SecondMoment::Dither,
                  Rounding::Nearest, true);
      for (int t = 1; t <= 10; ++t) model.step(cpu::level(), t, hyper);
      return doubles_of(model.weights[0]);
    };
    check_close(run("fp32"), run("fp64"), 1e-6);
  }
}

TEST_CASE("steps of matrices are the same bytes for every number of threads and on every SIMD level") {
  for (const char* codec : {"fp32", "fp64"}) {
    std::string expected;
    for (const cpu::Level level : levels())
      for (const int threads : {1, 2, 3, 7}) {
        const Threads scope(threads);
        Model model("adafactor", codec, std::array<int64_t, 4>{90300, 1, 51200, 4097}, kDefaultBlock,
                    SecondMoment::Dither, Rounding::Nearest, true);
        for (int t = 1; t <= 3; ++t) model.step(level, t, busy_hyper("adafactor"));
        if (expected.empty()) expected = model.bytes();
        CHECK((model.bytes() == expected));
      }
  }
}

TEST_CASE("a matrix with factored second moment keeps a value for each row and column, in fp32") {
  for (const char* codec : {"fp32", "bf16", "blockwise8", "tensorwise8", "blockwise4"}) {
    INFO(codec);
    Optimizer optimizer({{.parameters = layers(), .options = {.rule = "adafactor", .codec = codec}}});
    CHECK(state_named(optimizer, "embedding.row_var").shape() == Shape{130});
    CHECK(state_named(optimizer, "embedding.col_var").shape() == Shape{70});
    CHECK(state_named(optimizer, "filters.row_var").shape() == Shape{150});
    CHECK(state_named(optimizer, "filters.col_var").shape() == Shape{33});
    CHECK(state_named(optimizer, "filters.col_var").dtype() == DType::F32);
    CHECK(optimizer.codec_of("embedding") == "fp32");
    CHECK(optimizer.codec_of("bias") == codec);
    CHECK(state_named(optimizer, "bias.variance").numel() > 0);
  }
  Optimizer full({{.parameters = layers(), .options = {.rule = "adafactor"}}});
  CHECK(full.state_bytes() == 4 * (130 + 70 + 150 + 33 + 5000));
  // Unfactored, all of it is as with other rules.
  HyperParameters hyper = default_hyper("adafactor");
  hyper.unfactored = true;
  Optimizer unfactored(
      {{.parameters = layers(), .options = {.rule = "adafactor", .codec = "blockwise8", .hyper = hyper}}});
  CHECK(unfactored.codec_of("embedding") == "blockwise8");
  CHECK(state_named(unfactored, "filters.variance").shape() == Shape{5, 30, 33});
}

TEST_CASE("an update's bytes count every pass") {
  const auto bytes = [](const char* rule, const char* codec, const Shape& shape) {
    const Optimizer optimizer({{.parameters = {shaped("w", shape)},
                                .options = {.rule = rule, .codec = codec, .min_8bit_size = 0}}});
    return static_cast<double>(optimizer.update_bytes()) / static_cast<double>(shape.numel());
  };
  CHECK(bytes("adam", "blockwise8", {1 << 20}) == 16.0625);
  CHECK(bytes("adam", "fp32", {1 << 20}) == 28);
  CHECK(bytes("lamb", "blockwise8", {1 << 20}) == 16.0625 + 8 + 2.03125);
  CHECK(bytes("lars", "fp32", {1 << 20}) == 20 + 8);
  CHECK(bytes("adam", "tensorwise8", {1 << 20}) == doctest::Approx(16 + 8 + 2));
  CHECK(bytes("adafactor", "fp32", {1 << 20}) == 20 + 8 + 4);
  CHECK(bytes("adafactor", "fp32", {1024, 1024}) == doctest::Approx(24 + 0.375 + 8.0 * 2 / 1024));
}

TEST_CASE("matrices and vectors of one group step as in groups of their own, and go on after a reload") {
  for (const char* codec : {"fp32", "blockwise8"}) {
    const auto together = layers(), apart = layers();
    const GroupOptions options{.rule = "adafactor", .codec = codec};
    std::vector<ParameterGroup> groups;
    for (const NamedParameter& p : apart) groups.push_back({.parameters = {p}, .options = options});
    Optimizer a({{.parameters = together, .options = options}}), b(groups);
    for (uint64_t t = 0; t < 6; ++t) {
      if (t == 3) {
        const NamedTensors saved = copies_of(a.state());
        a = Optimizer({{.parameters = together, .options = options}});
        a.load_state(saved);
      }
      for (const auto& list : {together, apart}) set_gradients(list, t);
      a.step();
      b.step();
    }
    CHECK((weights_of(together) == weights_of(apart)));
    CHECK(bytes_of(state_named(a, "embedding.row_var")) == bytes_of(state_named(b, "embedding.row_var")));
  }
}

TEST_CASE("factored state that does not fit is refused, and nothing is changed") {
  const auto p = layers();
  Optimizer optimizer({{.parameters = p, .options = {.rule = "adafactor"}}});
  set_gradients(p, 1);
  optimizer.step();
  const NamedTensors saved = copies_of(optimizer.state());
  const std::string before = state_of(optimizer);
  const auto refused = [&](const char* text, const Tensor& rows) {
    NamedTensors changed = saved;
    for (auto& [name, tensor] : changed)
      if (name == "embedding.row_var") tensor = rows;
    CHECK_ERROR(ErrorKind::Checkpoint, text, optimizer.load_state(changed));
    CHECK((state_of(optimizer) == before));
  };
  refused("'embedding.row_var' has shape [70], expected [130]",
          Tensor::zeros({70}, DType::F32, Device::cpu(), MemoryTag::Data));
  refused("'embedding.row_var' is f64, expected f32",
          Tensor::zeros({130}, DType::F64, Device::cpu(), MemoryTag::Data));
  for (const auto& [value, text] :
       {std::pair(std::nanf(""), "element 7 is nan"), {-1.0f, "element 7 is -1"}}) {
    std::vector<float> rows(130, 1.0f);
    rows[7] = value;
    refused(text, Tensor::from(rows, {130}));
  }
}

TEST_CASE("a gradient that is not finite leaves matrices and their state as they are") {
  const auto p = layers();
  Optimizer optimizer({{.parameters = p, .options = {.rule = "adafactor"}}});
  set_gradients(p, 1);
  optimizer.step();
  const std::string before = weights_of(p) + state_of(optimizer);
  set_gradients(p, 2);
  p[1].variable.grad().fill(std::numeric_limits<double>::quiet_NaN());
  CHECK_ERROR(ErrorKind::NonFinite, "the gradient of 'filters' is not finite at step 2", optimizer.step());
  CHECK((weights_of(p) + state_of(optimizer) == before));
}

TEST_CASE("zero, tiny and huge gradients leave matrices finite, with or without eps") {
  for (const double eps : {1e-30, 0.0}) {
    HyperParameters hyper = default_hyper("adafactor");
    hyper.eps = eps;
    Model model("adafactor", "fp32", std::array<int64_t, 1>{4096}, kDefaultBlock, SecondMoment::Dither,
                Rounding::Nearest, true);
    const float values[] = {0.0f, 1e-45f, -1e-38f, 1e-30f, 1e18f, -1e18f};
    for (int t = 1; t <= 6; ++t) {
      const std::span<float> g = model.gradients[0].span<float>();
      for (size_t i = 0; i < g.size(); ++i)
        g[i] = t == 1 ? 0.0f : values[(i / 640 + static_cast<size_t>(t)) % 6];
      model.step(cpu::level(), t, hyper);
      for (const float w : model.weights[0].to_vector<float>()) REQUIRE(std::isfinite(w));
    }
  }
}
