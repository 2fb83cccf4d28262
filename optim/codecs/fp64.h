// State, weights and gradients in 64 bits: for golden runs, so that the same rule can be checked in double.
#pragma once

namespace octet::optim {

struct Fp64 {
  static constexpr const char* name = "fp64";
  static constexpr bool offered = false;  // not a choice of `--state`
  using Value = double;                   // what the rule computes with
  using Stored = double;                  // how one state value is kept
  static constexpr bool blockwise = false;
};

}  // namespace octet::optim
