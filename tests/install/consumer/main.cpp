// A project that knows octet only as an installed package.
#include <cstdio>

#include "core/error.h"
#include "core/rng.h"

int main() {
  octet::Rng rng(2021);
  std::printf("drawn %llu\n", static_cast<unsigned long long>(rng.below(1000)));
  try {
    rng.below(0);
  } catch (const octet::Error& error) {
    std::printf("caught %s\n", error.what());
    return 0;
  }
  return 1;
}
