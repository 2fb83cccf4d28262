// The noise of dithered rounding: a value between two codes gets the upper or the lower one, with the odds
// that keep its mean. What moves by less than half the distance of two codes a step would stand still under
// nearest codes for ever.
//
// The noise is a Weyl sequence over the elements, evenly spread among neighbours at the price of one
// multiplication and one addition, from a start that is hashed for each tensor, and anew for each slot and
// step. (A Weyl sequence in the step as well would have less noise under constant gradients, but meets itself
// under periodic ones: a word that comes up in one batch of 21, in epochs of a fixed order, kept a third of
// its second moment.) It depends on nothing else, so a resumed run draws the same.
#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace octet::optim {

constexpr uint32_t kDitherIndex = 0x6A09E667;  // sqrt(2) - 1 of 2^32

// What a slot's keys of one step begin with. The mixing is SplitMix64's: Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", OOPSLA 2014.
OCTET_HD inline uint32_t dither_base(uint32_t seed, int slot, int64_t step) {
  // A number for each slot and step: a rule has fewer than four slots, and weights are the fourth.
  const uint64_t count = 4 * static_cast<uint64_t>(step) + static_cast<uint64_t>(slot) + 1;
  uint64_t z = seed + 0x9E3779B97F4A7C15u * count;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<uint32_t>(z >> 32);
}

// Of element 0 of a tensor. Its salt, a hash, tells it from others.
OCTET_HD inline uint32_t dither_key(uint32_t base, uint32_t salt) { return base + salt; }

OCTET_HD inline uint32_t dither_bits(uint32_t key, uint32_t index) { return key + index * kDitherIndex; }

// The upper half of a float's bits, rounded away from zero with the odds of its lower half; `noise`: 16 bits.
OCTET_HD inline uint16_t dithered_bf16(uint32_t bits, uint32_t noise) {
  const bool finite = (bits & 0x7F800000u) != 0x7F800000u;
  if (!finite) return static_cast<uint16_t>(bits >> 16 | ((bits & 0x7FFFFFu) != 0 ? 0x40u : 0u));
  const uint32_t rounded = (bits + noise) >> 16;
  // Not past the largest finite value.
  return static_cast<uint16_t>((rounded & 0x7FFFu) == 0x7F80u ? bits >> 16 : rounded);
}

}  // namespace octet::optim
