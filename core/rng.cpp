#include "core/rng.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace octet {
namespace {

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): spreads every bit of the input over the output.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace

Rng::Rng(uint64_t seed) : key_(mix(seed)) {}

Rng Rng::split(std::string_view purpose) const { return Rng(mix(key_ ^ fnv1a(purpose)), 0); }

uint64_t Rng::draw(int64_t n) {
  require(n >= 0, "Rng::draw: negative count ", n);
  const uint64_t first = position_;
  position_ += (static_cast<uint64_t>(n) + 3) / 4;
  return first;
}

uint32_t Rng::next_u32() {
  uint32_t words[4];
  philox_block(key_, draw(1), words);
  return words[0];
}

uint64_t Rng::next_u64() {
  uint32_t words[4];
  philox_block(key_, draw(1), words);
  return (uint64_t{words[1]} << 32) | words[0];
}

uint64_t Rng::below(uint64_t n) {
  require(n > 0, "Rng::below: the range is empty");
  const uint64_t limit =
      UINT64_MAX - UINT64_MAX % n;  // largest multiple of n: beyond it a remainder is biased
  uint64_t x = next_u64();
  while (x >= limit) x = next_u64();
  return x % n;
}

double Rng::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

// Box and Muller, 1958.
std::pair<double, double> Rng::normal_pair() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform())), angle = 2 * std::numbers::pi * uniform();
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace octet
