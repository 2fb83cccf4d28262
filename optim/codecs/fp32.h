// State in 32 bits: stored as it is computed.
#pragma once

namespace octet::optim {

struct Fp32 {
  static constexpr const char* name = "fp32";
  static constexpr bool offered = true;
  using Value = float;
  using Stored = float;
  static constexpr bool blockwise = false;
};

}  // namespace octet::optim
