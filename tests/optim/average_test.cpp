// The moving average of weights; parameters without decay and with state in full precision.
#include "tests/optim/feature_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("averages of doubles follow the formula") {
  const auto p = model(DType::F64), averages = model(DType::F64);
  Optimizer optimizer({{.parameters = p, .options = {.codec = "fp64"}}});
  WeightAverage average(p, averages, 0.9);
  std::vector<double> expected;
  for (uint64_t t = 0; t < 5; ++t) {
    set_gradients(p, t);
    optimizer.step();
    average.update(optimizer);
    const auto w = p[0].variable.value().to_vector<double>();
    if (t == 0) expected = w;
    for (size_t i = 0; i < w.size(); ++i) expected[i] = 0.9 * expected[i] + 0.1 * w[i];
  }
  const auto got = averages[0].variable.value().to_vector<double>();
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-13));
}

TEST_CASE("a decay of 0 keeps the weights themselves, and a step that was stopped does not count") {
  const auto p = model(), averages = model();
  Optimizer optimizer({{.parameters = p}});
  WeightAverage average(p, averages, 0);
  for (uint64_t t = 0; t < 3; ++t) {
    set_gradients(p, t);
    optimizer.step();
    average.update(optimizer);
    for (size_t i = 0; i < p.size(); ++i) {
      const auto w = p[i].variable.value().to_vector<float>(),
                 a = averages[i].variable.value().to_vector<float>();
      for (size_t k = 0; k < w.size(); ++k) CHECK(a[k] == doctest::Approx(w[k]).epsilon(1e-6));
    }
  }
}

TEST_CASE("averages that cannot be kept are refused") {
  const auto p = model();
  const auto kept = [&](std::vector<NamedParameter> averages, double decay = 0.9) {
    return WeightAverage(p, averages, decay);
  };
  for (const double bad : {-0.1, 1.0, std::nan("")})
    CHECK_ERROR(ErrorKind::Usage, "it must be in [0, 1)", kept(model(), bad));
  CHECK_ERROR(ErrorKind::Usage, "2 tensors for the averages of 3", kept({p[0], p[1]}));
  CHECK_ERROR(ErrorKind::Usage, "'embedding.weight' cannot be its own average", kept(p));
  CHECK_ERROR(ErrorKind::Usage, "the average of 'embedding.weight' is f64 on cpu; it must be f32 on cpu",
              kept(model(DType::F64)));
  auto renamed = model();
  renamed[1].name = "other";
  CHECK_ERROR(ErrorKind::Usage, "'other' [4096] cannot hold the average of 'fc.weight' [4096]",
              kept(renamed));
  CHECK_ERROR(ErrorKind::Usage, "there are no weights", WeightAverage({}, {}, 0.5));
}

TEST_CASE("parameters without decay step as with a decay of 0, the others as before, for every rule") {
  for (const RuleInfo& rule : rules())
    for (const char* codec : {"fp32", "blockwise8"}) {
      INFO(rule.name << " " << codec);
      HyperParameters with = default_hyper(rule.name), without = with;
      with.weight_decay = 0.3;
      without.weight_decay = 0;
      const auto run = [&](const HyperParameters& hyper, std::vector<std::string> no_decay) {
        const auto p = model();
        Optimizer optimizer({{.parameters = p,
                              .options = {.rule = std::string(rule.name),
                                          .codec = codec,
                                          .hyper = hyper,
                                          .no_decay = std::move(no_decay)}}});
        for (uint64_t t = 0; t < 3; ++t) {
          set_gradients(p, t);
          optimizer.step();
        }
        return p;
      };
      const auto all = run(with, {}), none = run(without, {}), some = run(with, {"*.bias", "emb*"});
      for (size_t i = 0; i < all.size(); ++i) {
        CHECK((weights_of({all[i]}) != weights_of({none[i]})));
        CHECK((weights_of({some[i]}) == weights_of({i == 1 ? all[i] : none[i]})));
      }
    }
}

TEST_CASE("norm-and-bias are the parameters with fewer than two axes") {
  const auto make = [](const Shape& shape) {
    return Variable::leaf(Tensor::full(shape, 1, DType::F32, Device::cpu(), MemoryTag::Weights));
  };
  const std::vector<NamedParameter> p{
      {"fc.weight", make({3, 4})}, {"fc.bias", make({3})}, {"norm.weight", make({4})}, {"scale", make({})}};
  HyperParameters hyper = default_hyper("sgd");
  hyper.lr = 0.5;
  hyper.weight_decay = 1;
  Optimizer optimizer(
      {{.parameters = p,
        .options = {.rule = "sgd", .hyper = hyper, .no_decay = {std::string(kNormAndBias)}}}});
  for (const NamedParameter& q : p) q.variable.grad().fill(0);
  optimizer.step();
  for (const NamedParameter& q : p)
    CHECK(q.variable.value().to_vector<float>()[0] == (q.name == "fc.weight" ? 0.5f : 1.0f));
  CHECK_ERROR(ErrorKind::Usage, "optimizer: group 0, no_decay: no parameter fits the pattern 'norm-and-bias'",
              Optimizer({{.parameters = {p[0]}, .options = {.no_decay = {"norm-and-bias"}}}}));
  CHECK_ERROR(ErrorKind::Usage, "optimizer: group 0, no_decay: no parameter fits the pattern '*.biass'",
              Optimizer({{.parameters = p, .options = {.no_decay = {"*.bias", "*.biass"}}}}));
}

TEST_CASE("state that a module wants in full precision is, unless an override says otherwise") {
  auto p = model();
  p[0].full_precision_state = p[2].full_precision_state = true;
  const auto codec = [&](GroupOptions options) {
    options.min_8bit_size = 0;
    const Optimizer optimizer({{.parameters = p, .options = std::move(options)}});
    return std::string(optimizer.codec_of("embedding.weight")) + " " +
           std::string(optimizer.codec_of("fc.weight"));
  };
  CHECK(codec({.codec = "blockwise8"}) == "fp32 blockwise8");
  CHECK(codec({.codec = "bf16"}) == "fp32 bf16");
  CHECK(codec({.codec = "fp32"}) == "fp32 fp32");
  CHECK(codec({.codec = "fp32", .overrides = {{"emb*", "blockwise4"}}}) == "blockwise4 fp32");
  auto doubles = model(DType::F64);
  doubles[0].full_precision_state = true;
  CHECK(Optimizer({{.parameters = doubles, .options = {.codec = "fp64"}}}).codec_of("embedding.weight") ==
        "fp64");
}
