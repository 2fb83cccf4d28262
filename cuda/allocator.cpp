// The caching allocator of a GPU. All work goes to one stream, so a freed block may be handed out again at
// once: whoever gets it runs after whoever had it. A training step whose shapes repeat asks nothing of the
// driver. Memory of batches (MemoryTag::Data) is apart, see upload_pool.h.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "cuda/allocator.h"
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"
#include "cuda/upload_pool.h"

namespace octet::cuda {
namespace {

constexpr int64_t kAlignment = 256;

int64_t rounded(int64_t bytes) {
  return (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

// Every tensor an allocation of its own, so that compute-sanitizer sees where one ends.
bool plain() {
  static const bool plain = [] {
    const char* set = std::getenv("OCTET_ALLOCATOR");
    return set && std::string_view(set) == "plain";
  }();
  return plain;
}

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kSmall = kMiB;

// Weights, gradients and optimizer state stand apart from what comes and goes with every step, small blocks
// from large ones: after a step the large blocks are free and joined again, so the next one finds what the
// first one found.
struct Memory {
  std::mutex mutex;
  BlockPool lasting, small, large;
  UploadPool uploads;
  explicit Memory(Device device)
      : lasting(device, 16 * kMiB), small(device, 8 * kMiB), large(device, 32 * kMiB), uploads(device) {}

  BlockPool& pool(MemoryTag tag, int64_t size) {
    if (tag == MemoryTag::Weights || tag == MemoryTag::Gradients || tag == MemoryTag::OptimizerState)
      return lasting;
    return size <= kSmall ? small : large;
  }
  void trim() {
    lasting.trim();
    small.trim();
    large.trim();
    uploads.trim();
  }
};

Memory& memory(Device device) {
  static std::mutex mutex;
  static auto* memories = new std::unordered_map<int, std::unique_ptr<Memory>>;  // outlives every tensor
  const std::lock_guard lock(mutex);
  auto& found = (*memories)[device.index];
  if (!found) found = std::make_unique<Memory>(device);
  return *found;
}

[[noreturn]] void out_of_memory(Device device, int64_t bytes, MemoryTag tag) {
  const MemoryUse use = ledger(device).use();
  std::vector<int> tags;
  for (int i = 0; i < kMemoryTags; ++i)
    if (use.live[static_cast<size_t>(i)] > 0) tags.push_back(i);
  std::sort(tags.begin(), tags.end(), [&](int a, int b) {
    return use.live[static_cast<size_t>(a)] > use.live[static_cast<size_t>(b)];
  });
  std::string held;
  for (const int i : tags)
    held += std::string(held.empty() ? "" : ", ") + name_of(MemoryTag(i)) + " " +
            std::to_string(use.live[static_cast<size_t>(i)]);
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total));
  fail(ErrorKind::Memory, "out of memory on ", device, ": ", bytes, " bytes wanted for ", name_of(tag),
       ", live: ", held.empty() ? "nothing" : held, "; the GPU has ", total, ", of which ", free,
       " are free");
}

void* plain_allocation(int64_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, static_cast<size_t>(std::max<int64_t>(bytes, 1)));
  if (status != cudaSuccess) cudaGetLastError();
  if (status != cudaErrorMemoryAllocation) check(status);
  return data;
}

}  // namespace

bool is_upload_memory(Device device, void* data) {
  if (plain()) return false;
  Memory& m = memory(device);
  const std::lock_guard lock(m.mutex);
  return m.uploads.owns(data);
}

void* allocate(Device device, int64_t bytes, MemoryTag tag) {
  Context& c = context(device);
  if (bytes > int64_t{1} << 60) out_of_memory(device, bytes, tag);  // before it is rounded up
  void* data = nullptr;
  if (plain()) {
    data = plain_allocation(bytes);
    if (data) ledger(device).from_system(std::max<int64_t>(bytes, 1));
  } else {
    Memory& m = memory(device);
    const std::lock_guard lock(m.mutex);
    const bool upload = tag == MemoryTag::Data && bytes <= UploadPool::kLargest;
    const auto take = [&] {
      return upload ? m.uploads.take(bytes, c) : m.pool(tag, rounded(bytes)).take(rounded(bytes));
    };
    data = take();
    if (!data) {
      check(cudaStreamSynchronize(c.copies));
      check(cudaStreamSynchronize(c.stream));
      m.trim();
      data = take();
    }
  }
  if (!data) out_of_memory(device, bytes, tag);
  ledger(device).allocated(tag, rounded(bytes));
  return data;
}

void deallocate(Device device, void* data, int64_t bytes, MemoryTag tag) {
  ledger(device).freed(tag, rounded(bytes));
  if (plain()) {
    cudaFree(data);  // waits; an error of earlier work is reported by the next call that may throw
    ledger(device).to_system(std::max<int64_t>(bytes, 1));
    return;
  }
  Memory& m = memory(device);
  const std::lock_guard lock(m.mutex);
  if (m.uploads.owns(data)) {
    m.uploads.give_back(data, *opened(device));
  } else {
    m.pool(tag, rounded(bytes)).give_back(data);
  }
}

}  // namespace octet::cuda
