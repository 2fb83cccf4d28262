#include <algorithm>
#include <numeric>
#include <vector>

#include "core/rng.h"
#include "tests/support/support.h"

using namespace octet;

// Known answers of Philox4x32-10, published with the Random123 library (kat_vectors).
TEST_CASE("Philox4x32-10 matches the published test vectors") {
  struct Vector {
    uint32_t counter[4];
    PhiloxKey key;
    uint32_t expected[4];
  };
  const Vector vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Vector& v : vectors) {
    uint32_t c[4];
    std::copy(v.counter, v.counter + 4, c);
    philox4x32(c, v.key);
    for (int i = 0; i < 4; ++i) CHECK(c[i] == v.expected[i]);
  }
}

TEST_CASE("a split stream depends on its name and not on what was drawn before") {
  Rng a(2021), b(2021);
  b.draw(1000);
  Rng from_a = a.split("embedding.weight"), from_b = b.split("embedding.weight");
  CHECK(from_a == from_b);
  CHECK(!(a.split("fc.weight") == from_a));
  CHECK(!(Rng(2022).split("embedding.weight") == from_a));
}

TEST_CASE("below is uniform over its range") {
  Rng rng(7);
  std::vector<int> count(10);
  for (int i = 0; i < 100000; ++i) ++count[rng.below(10)];
  for (const int c : count) CHECK(std::abs(c - 10000) < 400);  // four standard deviations are 380
}

TEST_CASE("shuffle is a permutation and repeats for the same seed") {
  std::vector<int> x(100), y(100);
  std::iota(x.begin(), x.end(), 0);
  std::iota(y.begin(), y.end(), 0);
  Rng(5).shuffle(x.begin(), x.end());
  Rng(5).shuffle(y.begin(), y.end());
  CHECK(x == y);
  CHECK(!std::is_sorted(x.begin(), x.end()));
  std::sort(x.begin(), x.end());
  for (int i = 0; i < 100; ++i) CHECK(x[i] == i);
}
