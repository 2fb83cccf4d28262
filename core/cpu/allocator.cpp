// The caching allocator of the CPU. Freed blocks go to a list of their size class and come back for the next
// request of that class, so that a training step whose shapes repeat asks nothing of the system. The ledger
// books what was asked for, rounded up to 64 bytes; the class' slack shows in system_bytes only.

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpu/backend.h"
#include "core/error.h"

namespace octet::cpu {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kKept = int64_t{32} << 20;  // what the cache may hold beside twice the largest live use

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

// Stands before the bytes of every block: a block may serve a request smaller than its class.
struct alignas(kAlignment) Header {
  int64_t size;  // of the class
  void* start;   // what the system gave
};
Header* header_of(void* data) { return static_cast<Header*>(data) - 1; }

struct Cache {
  std::mutex mutex;
  std::map<int64_t, std::vector<void*>> free;  // by class size

  // A free block of this class, or of the next one that is not more than twice as large: batches of every
  // length would otherwise each leave blocks of their own behind.
  void* take(int64_t size) {
    for (auto blocks = free.lower_bound(size); blocks != free.end() && blocks->first <= 2 * size; ++blocks) {
      if (blocks->second.empty()) continue;
      void* data = blocks->second.back();
      blocks->second.pop_back();
      return data;
    }
    return nullptr;
  }
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
      std::free(header_of(block)->start);
      ledger(Device::cpu()).to_system(size);
    }
    blocks.clear();
  }
}

// Where the next large block begins in its first huge page. At the same place in all, loops over several
// tensors are slower, as if all of them waited for the same banks of memory; at the same place of a small
// page as well. Multiples of the golden section lie apart from each other.
int64_t next_offset() {
  constexpr int64_t kStep = 317 * 4096 + 10 * kAlignment;  // of 512 pages: 0.619
  static std::atomic<int64_t> count = 0;
  return count++ * kStep % kHugePage;
}

void* from_system(int64_t bytes) {
  // What lies in the cache may be in the way of what is live, or be far more than was ever live at once.
  const MemoryUse use = ledger(Device::cpu()).use();
  if (bytes > physical_memory() - use.system_bytes || use.system_bytes + bytes > 2 * use.peak_total + kKept)
    trim();
  const bool huge = bytes >= 2 * kHugePage;
  const int64_t offset = huge ? next_offset() : 0, alignment = huge ? kHugePage : kAlignment;
  const int64_t wanted = offset + static_cast<int64_t>(sizeof(Header)) + bytes;
  const int64_t size = (wanted + alignment - 1) / alignment * alignment;
  void* start = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(size));
  if (!start) return nullptr;
  if (huge)  // but for the first, of which a part before the block is not used
    madvise(static_cast<std::byte*>(start) + kHugePage, static_cast<size_t>(size - kHugePage), MADV_HUGEPAGE);
  ledger(Device::cpu()).from_system(bytes);
  auto* header = reinterpret_cast<Header*>(static_cast<std::byte*>(start) + offset);
  header->start = start;
  header->size = bytes;
  return header + 1;
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
      data = cache().take(size);
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
  cache().free[header_of(data)->size].push_back(data);
}

}  // namespace octet::cpu
