// The caching allocator of the CPU. Freed blocks go to a list of their size class and come back for the next
// request of that class, so that a training step whose shapes repeat asks nothing of the system. The ledger
// books what was asked for, rounded up to 64 bytes; the class' slack shows in system_bytes only.

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cpu/backend.h"
#include "core/error.h"

namespace octet::cpu {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;

int64_t rounded(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Eight classes an octave: at most an eighth of a block is slack.
int64_t class_size(int64_t bytes) {
  if (bytes <= 8 * kAlignment) return rounded(bytes);
  const int64_t step = int64_t{1} << (std::bit_width(static_cast<uint64_t>(bytes - 1)) - 4);
  return (bytes + step - 1) / step * step;
}

// Every tensor an allocation of its own, so that a sanitizer sees where one ends.
bool plain() {
#ifdef OCTET_PLAIN_ALLOCATOR
  return true;
#else
  static const bool plain = [] {
    const char* set = std::getenv("OCTET_ALLOCATOR");
    require(!set || std::string_view(set) == "plain" || std::string_view(set) == "caching",
            "OCTET_ALLOCATOR is '", set ? set : "", "'; it can be plain or caching");
    return set && std::string_view(set) == "plain";
  }();
  return plain;
#endif
}

int64_t physical_memory() {
  static const int64_t bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return bytes;
}

struct Cache {
  std::mutex mutex;
  std::unordered_map<int64_t, std::vector<void*>> free;  // by class size
};
Cache& cache() {
  static auto* cache = new Cache;  // outlives every tensor
  return *cache;
}

[[noreturn]] void out_of_memory(Device device, int64_t bytes, MemoryTag tag) {
  const MemoryUse use = ledger(device).use();
  std::string held;
  for (int i = 0; i < kMemoryTags; ++i)
    if (use.live[i] > 0)
      held +=
          std::string(held.empty() ? "" : ", ") + name_of(MemoryTag(i)) + " " + std::to_string(use.live[i]);
  fail(ErrorKind::Memory, "out of memory on ", device, ": ", bytes, " bytes wanted for ", name_of(tag),
       ", live: ", held.empty() ? "nothing" : held, "; the machine has ", physical_memory());
}

// Gives all cached blocks back to the system.
void trim() {
  const std::lock_guard lock(cache().mutex);
  for (auto& [size, blocks] : cache().free) {
    for (void* block : blocks) {
      std::free(block);
      ledger(Device::cpu()).to_system(size);
    }
    blocks.clear();
  }
}

void* from_system(int64_t bytes) {
  // What is live fits, but what is cached besides may not.
  if (bytes > physical_memory() - ledger(Device::cpu()).use().system_bytes) trim();
  const int64_t alignment = bytes >= 2 * kHugePage ? kHugePage : kAlignment;
  const int64_t size = (bytes + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(size));
  if (data && alignment == kHugePage) madvise(data, static_cast<size_t>(size), MADV_HUGEPAGE);
  if (data) ledger(Device::cpu()).from_system(bytes);
  return data;
}

}  // namespace

void* allocate(Device device, int64_t bytes, MemoryTag tag) {
  // Linux hands out more than there is and kills later; a request beyond the machine is refused here instead.
  if (bytes > physical_memory() - ledger(device).use().live_total) out_of_memory(device, bytes, tag);
  const int64_t size = plain() ? std::max<int64_t>(bytes, 1) : class_size(std::max<int64_t>(bytes, 1));
  void* data = nullptr;
  if (plain()) {
    data = std::aligned_alloc(kAlignment, static_cast<size_t>(rounded(size)));
    if (data) ledger(device).from_system(size);
  } else {
    {
      const std::lock_guard lock(cache().mutex);
      auto& blocks = cache().free[size];
      if (!blocks.empty()) {
        data = blocks.back();
        blocks.pop_back();
      }
    }
    if (!data) data = from_system(size);
    if (!data) {
      trim();
      data = from_system(size);
    }
  }
  if (!data) out_of_memory(device, bytes, tag);
  ledger(device).allocated(tag, rounded(bytes));
  return data;
}

void deallocate(Device device, void* data, int64_t bytes, MemoryTag tag) {
  ledger(device).freed(tag, rounded(bytes));
  if (plain()) {
    std::free(data);
    ledger(device).to_system(std::max<int64_t>(bytes, 1));
    return;
  }
  const std::lock_guard lock(cache().mutex);
  cache().free[class_size(std::max<int64_t>(bytes, 1))].push_back(data);
}

}  // namespace octet::cpu
