// The blocks of the GPU's allocator, over a driver that is made up here: it needs no GPU.
#include "cuda/block_pool.h"

#include <cstdlib>
#include <map>
#include <vector>

#include "core/ledger.h"
#include "core/rng.h"
#include "cuda/check.h"
#include "tests/support/support.h"

using namespace octet;
using cuda::BlockPool;

namespace {

constexpr Device kGpu{DeviceKind::Cuda, 7};
int64_t room = int64_t{1} << 40;  // what the driver has left
int64_t given = 0;                // calls that it answered with memory

int64_t system_bytes() { return ledger(kGpu).use().system_bytes; }

}  // namespace

extern "C" cudaError_t cudaMalloc(void** data, size_t bytes) {
  if (static_cast<int64_t>(bytes) > room) return cudaErrorMemoryAllocation;
  room -= static_cast<int64_t>(bytes);
  ++given;
  // Addresses alone are dealt with, so none of it is touched.
  static uintptr_t next = uintptr_t{1} << 44;
  *data = reinterpret_cast<void*>(next);
  next += bytes;
  return cudaSuccess;
}
extern "C" cudaError_t cudaFree(void*) { return cudaSuccess; }
extern "C" cudaError_t cudaGetLastError() { return cudaSuccess; }
void octet::cuda::check(cudaError_t status, Source) { REQUIRE(status == cudaSuccess); }

TEST_CASE(
    "blocks in use never overlap, are aligned, and a second pass of the same requests asks nothing of the "
    "driver") {
  BlockPool pool(kGpu, int64_t{1} << 20);
  Rng rng(1);
  struct Request {
    int64_t size;
    size_t free;  // which of the live ones is given back first, if any
  };
  std::vector<Request> requests;
  for (int i = 0; i < 3000; ++i)
    requests.push_back({256 * static_cast<int64_t>(1 + rng.below(i % 7 ? 64 : 8192)), rng.below(40)});
  int64_t after_first = 0;
  for (int pass = 0; pass < 3; ++pass) {
    std::map<uintptr_t, int64_t> live;
    for (const Request& request : requests) {
      const auto at = reinterpret_cast<uintptr_t>(pool.take(request.size));
      REQUIRE(at % 256 == 0);
      const auto next = live.lower_bound(at);
      if (next != live.end()) REQUIRE(at + static_cast<uintptr_t>(request.size) <= next->first);
      if (next != live.begin()) {
        const auto before = std::prev(next);
        REQUIRE(before->first + static_cast<uintptr_t>(before->second) <= at);
      }
      live[at] = request.size;
      if (request.free < live.size()) {
        const auto gone = std::next(live.begin(), static_cast<std::ptrdiff_t>(request.free));
        pool.give_back(reinterpret_cast<void*>(gone->first));
        live.erase(gone);
      }
    }
    for (const auto& [at, size] : live) pool.give_back(reinterpret_cast<void*>(at));
    if (pass == 0) after_first = given;
  }
  CHECK(given == after_first);
  pool.trim();
  CHECK(system_bytes() == 0);
}

TEST_CASE("freed neighbours join, so that one large block fits where small ones were") {
  BlockPool pool(kGpu, int64_t{4} << 20);
  const int64_t before = given;
  std::vector<void*> blocks;
  for (int i = 0; i < 16; ++i) blocks.push_back(pool.take(256 << 10));
  for (const int i : {3, 1, 2, 15, 0, 8, 9, 7, 4, 12, 14, 13, 5, 6, 11, 10})
    pool.give_back(blocks[static_cast<size_t>(i)]);
  void* all = pool.take(4 << 20);
  CHECK(all == blocks[0]);
  CHECK(given == before + 1);
  pool.give_back(all);
  pool.trim();
  CHECK(system_bytes() == 0);
}

TEST_CASE(
    "a driver with less than a segment left still serves a request that fits, and null is the answer to "
    "others") {
  BlockPool pool(kGpu, int64_t{32} << 20);
  room = int64_t{6} << 20;
  void* last = pool.take(5 << 20);
  CHECK(last != nullptr);
  CHECK(pool.take(1 << 20) != nullptr);  // what is left of the same segment
  CHECK(pool.take(1 << 20) == nullptr);
  pool.give_back(last);
  CHECK(pool.take(5 << 20) == last);
}
