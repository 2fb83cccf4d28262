// The cases that other devices must pass, run on the CPU: so they are sound wherever there is no such device.
#include "tests/optim/feature_cases.h"
#include "tests/optim/weight_noise_cases.h"

using namespace octet;
using namespace octet::optim;
using namespace octet::optim::testing;

TEST_CASE("the cases for a device's steps hold on the CPU") {
  check_all_steps(Device::cpu());
  check_bf16_weights(Device::cpu());
  check_encode_decade(Device::cpu(), 101);
  check_encode_classes(Device::cpu());
  check_encode_borders(Device::cpu());
  check_large_plans(Device::cpu());
  for (const char* codec : {"blockwise8", "linear8", "tensorwise8", "blockwise4", "blockwise8-v0.36"})
    check_decode(Device::cpu(), codec);
}

TEST_CASE("the cases for an optimizer on a device hold on the CPU") {
  check_training(Device::cpu(), "blockwise8");
  check_training(Device::cpu(), "blockwise8", true);
  check_stop(Device::cpu());
  check_skip(Device::cpu());
  check_whole_tensors(Device::cpu());
  check_whole_tensors(Device::cpu(), true);
  check_many_groups(Device::cpu());
  check_overflow(Device::cpu());
  check_large_gradients(Device::cpu());
  check_largest_gradients(Device::cpu());
  check_clipping(Device::cpu());
  check_clipping_finds_bad(Device::cpu());
  check_average(Device::cpu());
  check_average(Device::cpu(), true);
  check_conversion(Device::cpu());
  check_weight_noise(Device::cpu());
  check_muon_rounding(Device::cpu());
}
