// State in bfloat16: the upper half of a float, rounded to nearest, ties to even. Denormals and infinities stay what
// they are; a NaN stays a NaN.
#pragma once

#include <bit>
#include <cstdint>

#include "core/host_device.h"

namespace octet::optim {

struct Bf16 {
  static constexpr const char* name = "bf16";
  static constexpr bool offered = true;
  using Value = float;
  using Stored = uint16_t;
  static constexpr bool blockwise = false;

  OCTET_HD static uint16_t encode(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    const uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
    const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return static_cast<uint16_t>((nan ? bits | 0x00400000u : rounded) >> 16);
  }
  OCTET_HD static float decode(uint16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }
};

}  // namespace octet::optim
