// Optimizer steps on the GPU against the CPU's, to the last bit.
#include "optim/bench.h"
#include "tests/optim/feature_cases.h"
#include "tests/optim/weight_noise_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("weights, codes and absmax are the CPU's bytes, for every rule, codec, block size and alignment") {
  check_all_steps(Device::cuda());
}

TEST_CASE("bf16 weights are rounded to the CPU's bytes, for every rule and codec, dithered and to nearest") {
  check_bf16_weights(Device::cuda());
}

TEST_CASE("every float of a decade gets the CPU's code") { check_encode_decade(Device::cuda()); }

TEST_CASE("floats of every class are encoded as on the CPU, for every block size") {
  check_encode_classes(Device::cuda());
}

TEST_CASE("codes change at the same floats as on the CPU, in every decade") {
  check_encode_borders(Device::cuda());
}

TEST_CASE("a plan of millions of weights is measured and stepped as on the CPU") {
  check_large_plans(Device::cuda());
}

TEST_CASE("codes are decoded as on the CPU") {
  for (const char* codec : {"blockwise8", "linear8", "tensorwise8", "blockwise4", "blockwise8-v0.36"})
    check_decode(Device::cuda(), codec);
}

TEST_CASE("a run with groups, schedule, clipping and a reload gives the CPU's bytes") {
  for (const char* codec : {"fp32", "bf16", "blockwise8"})
    for (const bool bf16_weights : {false, true}) check_training(Device::cuda(), codec, bf16_weights);
}

TEST_CASE("a bad gradient stops everything on the device until the host asks, and is then named") {
  check_stop(Device::cuda());
}

TEST_CASE("under skip a bad step is counted and leaves no trace") { check_skip(Device::cuda()); }

TEST_CASE("norms, largest values and means of whole tensors are found on the device as on the CPU") {
  check_whole_tensors(Device::cuda());
  check_whole_tensors(Device::cuda(), true);
}

TEST_CASE("Muon's momentum is the CPU's bytes and its weights are close, through bad steps and a reload") {
  check_muon(Device::cuda());
}

TEST_CASE(
    "bf16 weights are rounded by chances of their own: those of like tensors, of state and of seeds differ") {
  check_weight_noise(Device::cuda());
}

TEST_CASE("Muon rounds bf16 matrices to nearest, or by a chance that the seed decides") {
  check_muon_rounding(Device::cuda());
}

TEST_CASE("there may be more groups than one launch takes") { check_many_groups(Device::cuda()); }

TEST_CASE("squares that overflow are no bad gradient") { check_overflow(Device::cuda()); }

TEST_CASE("gradients whose squares are no floats are no step, unless clipped") {
  check_large_gradients(Device::cuda());
  check_largest_gradients(Device::cuda());
}

TEST_CASE("clipping by value, norm and percentile with a reload gives the CPU's weights") {
  check_clipping(Device::cuda());
}

TEST_CASE("a bad gradient is found although its elements are limited") {
  check_clipping_finds_bad(Device::cuda());
}

TEST_CASE("the moving average of weights is the CPU's, and skipped steps do not count") {
  check_average(Device::cuda());
  check_average(Device::cuda(), true);
}

TEST_CASE("state is converted between codecs on the device as on the CPU") {
  for (const RuleInfo& rule : rules()) check_conversion(Device::cuda(), rule.name);
}

TEST_CASE("a step allocates nothing on the device") {
  const std::vector<NamedParameter> p = model_on(Device::cuda());
  Optimizer optimizer({{.parameters = {p[0]}, .options = {.codec = "blockwise8"}},
                       {.parameters = {p[1]}, .options = {.rule = "lamb", .codec = "tensorwise8"}},
                       {.parameters = {p[2]}, .options = {.rule = "adafactor"}}},
                      {.max_norm = 1.0});
  set_gradients(p, 1);
  optimizer.step();
  const MemoryUse before = ledger(Device::cuda()).use();
  for (int t = 0; t < 5; ++t) {
    optimizer.set_lr_factor(1.0 / (2 + t));
    optimizer.step();
  }
  optimizer.check();
  const MemoryUse after = ledger(Device::cuda()).use();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.live_total == before.live_total);
}

TEST_CASE("the bench times a step on the device and counts its bytes") {
  const StepTiming timing = time_step({.shapes = {{1 << 20}}, .repetitions = 2, .device = Device::cuda()});
  CHECK(timing.bytes_per_parameter == 16.0625);
  CHECK(timing.seconds > 0);
  CHECK(time_step({.shapes = {{1 << 20}}, .bf16_weights = true, .repetitions = 2, .device = Device::cuda()})
            .bytes_per_parameter == 12.0625);
  CHECK(copy_gbps(Device::cuda(), 1 << 20, 2) > 0);
}
