// Decoupled weight decay where it is small beside a float's last bit.
#include <cmath>
#include <string>
#include <vector>

#include "tests/optim/support.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

namespace {

// How far weights shrank beside steps in double, where a step decays them by less than a bit of 1.
double share_of_decay(std::string_view rule) {
  HyperParameters hyper = default_hyper(rule);
  hyper.lr = 5e-6;
  hyper.weight_decay = 0.01;
  hyper.fixed_step = true;
  constexpr int kSteps = 600;
  const auto trained = [&](DType type) {
    const NamedParameter w = parameter("w", 4096, 1, type);
    w.variable.value().copy_from(
        parameter("w", 4096).variable.value().to(type, MemoryTag::Weights));  // from the same floats
    Optimizer optimizer(
        {{.parameters = {w},
          .options = {
              .rule = std::string(rule), .codec = type == DType::F64 ? "fp64" : "fp32", .hyper = hyper}}});
    Rng rng(3);
    for (int t = 0; t < kSteps; ++t) {
      std::vector<double> g(4096);
      for (double& x : g) x = rng.uniform() - 0.5;
      w.variable.grad().copy_from(tensor_of(g, type));
      optimizer.step();
    }
    return doubles_of(w.variable.value());
  };
  const std::vector<double> start = doubles_of(parameter("w", 4096).variable.value()),
                            exact = trained(DType::F64), got = trained(DType::F32);
  double decay = 0, error = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    decay += kSteps * hyper.lr * hyper.weight_decay * std::fabs(start[i]);
    error += (exact[i] - got[i]) * (start[i] < 0 ? -1 : 1);
  }
  return 1 + error / decay;
}

}  // namespace

TEST_CASE("weight decay at a small learning rate is what it is in double") {
  // w *= 1 - lr wd with the factor rounded to a float takes off 1.7 times as much here.
  for (const char* rule : {"adamw", "ademamix", "lion", "adafactor"}) {
    INFO(rule);
    CHECK(share_of_decay(rule) == doctest::Approx(1).epsilon(0.1));
  }
}
