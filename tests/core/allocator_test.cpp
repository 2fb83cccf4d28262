// The CPU's allocators. A case about one of them runs where it is in use: the caching one, and in sanitizer
// builds the plain one; a case below runs this program again with the plain one.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/rng.h"
#include "core/tensor.h"
#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

Tensor make(int64_t bytes, MemoryTag tag = MemoryTag::Workspace) {
  return Tensor::empty({bytes}, DType::U8, Device::cpu(), tag);
}

MemoryUse use() { return ledger(Device::cpu()).use(); }

bool caching() {
#ifdef OCTET_PLAIN_ALLOCATOR
  return false;
#else
  const char* set = std::getenv("OCTET_ALLOCATOR");
  return !set || std::string_view(set) == "caching";
#endif
}

// What a training step does: shapes of all sizes, some held while others come and go.
void step() {
  std::vector<Tensor> held;
  for (const int64_t bytes : {0, 1, 64, 100, 4097, 70000, 1 << 20, 9 << 20}) held.push_back(make(bytes));
  for (int i = 0; i < 20; ++i) make(1000 * i + 1);
  held.erase(held.begin(), held.begin() + 4);
  for (const int64_t bytes : {100, 4097, 4097}) held.push_back(make(bytes));
}

Outcome again(const char* test, const char* setting) {
  return run_process(
      {std::filesystem::read_symlink("/proc/self/exe").string(), std::string("--test-case=") + test},
      {std::string("OCTET_ALLOCATOR=") + setting});
}

}  // namespace

TEST_CASE("a step whose shapes repeat asks nothing of the system" * doctest::skip(!caching())) {
  step();
  const MemoryUse first = use();
  for (int i = 0; i < 3; ++i) step();
  CHECK(use().system_allocations == first.system_allocations);
  CHECK(use().system_bytes == first.system_bytes);
  CHECK(use().live == first.live);
}

TEST_CASE("any sequence of sizes that repeats settles: blocks borrowed by smaller requests come back" *
          doctest::skip(!caching())) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const auto round = [seed] {
      Rng rng(seed);
      std::vector<Tensor> held;
      for (int i = 0; i < 200; ++i) {
        if (!held.empty() && rng.below(2))
          held.erase(held.begin() + static_cast<int64_t>(rng.below(held.size())));
        held.push_back(make(static_cast<int64_t>(1 + rng.below(uint64_t{1} << (6 + rng.below(16))))));
      }
    };
    for (int i = 0; i < 4; ++i) round();
    const MemoryUse settled = use();
    for (int i = 0; i < 3; ++i) round();
    CHECK(use().system_allocations == settled.system_allocations);
    CHECK(use().live == settled.live);
  }
}

TEST_CASE("the plain allocator gives everything back at once" * doctest::skip(caching())) {
  const MemoryUse before = use();
  step();
  CHECK(use().system_bytes == before.system_bytes);
  CHECK(use().system_allocations == before.system_allocations + 8 + 20 + 3);
  CHECK(use().live == before.live);
}

TEST_CASE("OCTET_ALLOCATOR chooses the allocator, and a bad value is an error" * doctest::skip(!caching())) {
  const Outcome plain = again("the plain allocator gives*", "plain");
  CHECK_MESSAGE(plain.status == 0, plain.out);
  CHECK(plain.out.find("1 passed, 0 failed, 0 skipped") != std::string::npos);
  const Outcome set = again("a step whose shapes*", "caching");
  CHECK_MESSAGE(set.status == 0, set.out);
  CHECK(set.out.find("1 passed, 0 failed, 0 skipped") != std::string::npos);
  const Outcome bad = again("bytes are aligned*", "fast");
  CHECK(bad.status != 0);
  CHECK(bad.out.find("OCTET_ALLOCATOR is 'fast'; it can be plain or caching") != std::string::npos);
}

TEST_CASE("bytes are aligned to 64, whatever the size") {
  std::vector<Tensor> held;
  for (int64_t bytes = 0; bytes < 5000; bytes += 37) held.push_back(make(bytes));
  for (const int64_t bytes : {1 << 20, 5 << 20, (9 << 20) + 1}) held.push_back(make(bytes));
  for (const Tensor& tensor : held) {
    CHECK(tensor.raw() != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(tensor.raw()) % 64 == 0);
  }
}

TEST_CASE("large tensors begin at different places of a huge page" * doctest::skip(!caching())) {
  std::vector<Tensor> held;
  std::vector<uintptr_t> places;
  for (int i = 0; i < 8; ++i) {
    held.push_back(make((5 << 20) + i));
    places.push_back(reinterpret_cast<uintptr_t>(held.back().raw()) % (2 << 20));
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i) CHECK(places[i] - places[i - 1] > 64 << 10);
}

TEST_CASE("large blocks that nobody asks for again go back to the system" * doctest::skip(!caching())) {
  int64_t all = 0;
  for (int64_t mebibytes = 40; mebibytes <= 96; mebibytes += 8) {
    const Tensor tensor = make(mebibytes << 20);
    const std::span<uint8_t> bytes = tensor.span<uint8_t>();
    bytes.front() = bytes.back() = 1;
    all += mebibytes << 20;
  }
  CHECK(use().system_bytes < all / 2);
}

TEST_CASE("tensors that live together never share bytes") {
  std::vector<Tensor> held;
  for (int round = 0; round < 3; ++round)
    for (int64_t i = 0; i < 200; ++i) {
      if (i % 3 == 0 && !held.empty()) held.erase(held.begin() + static_cast<int64_t>(held.size() / 2));
      held.push_back(make(1 + i * 97 % 2500));
    }
  for (size_t i = 0; i < held.size(); ++i) held[i].fill(static_cast<double>(i % 251));
  for (size_t i = 0; i < held.size(); ++i)
    for (const uint8_t value : held[i].span<uint8_t>()) REQUIRE(value == i % 251);
}

TEST_CASE("a block from the system has at most an eighth of slack" * doctest::skip(!caching())) {
  for (int64_t bytes = 1000; bytes < 40'000'000; bytes = bytes * 9 / 7 + 13) {
    const int64_t before = use().system_bytes, live = use().live_total;
    const Tensor a = make(bytes), b = make(bytes), c = make(bytes);  // at least one is new
    const int64_t got = use().system_bytes - before;
    CHECK(got <= (use().live_total - live) * 8 / 7 + 3 * 64);
  }
}

TEST_CASE("running out of memory names the request and what is live by tag") {
  const Tensor weights = make(1000, MemoryTag::Weights), data = make(64, MemoryTag::Data);
  const int64_t wanted = int64_t{1} << 55;
  bool thrown = false;
  try {
    make(wanted, MemoryTag::OptimizerState);
  } catch (const Error& error) {
    thrown = true;
    const std::string message = error.what();
    INFO(message);
    CHECK(error.kind() == ErrorKind::Memory);
    for (const std::string part :
         {"out of memory on cpu", "36028797018963968 bytes wanted for optimizer_state", "weights 1024",
          "data 64", "the machine has"})
      CHECK(message.find(part) != std::string::npos);
  }
  CHECK(thrown);
  CHECK(make(100).numel() == 100);  // and life goes on
}

TEST_CASE("a request that fits only without what is cached is met" * doctest::skip(!caching())) {
  // Untouched pages cost nothing: three quarters of the machine, then three quarters in another size.
  const int64_t machine = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  { const Tensor first = make(machine / 4 * 3); }
  CHECK(use().system_bytes >= machine / 4 * 3);
  { const Tensor second = make(machine / 5 * 2); }
  CHECK(use().system_bytes <= machine);
}
