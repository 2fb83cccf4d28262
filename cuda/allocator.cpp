// The caching allocator of a GPU. Segments come from the driver and are cut into blocks; a freed block joins
// its free neighbours and serves the next request that it fits best. All work goes to one stream, so a block
// may be handed out again at once: whoever gets it runs after whoever had it. A training step whose shapes
// repeat asks nothing of the driver.
//
// Memory of batches (MemoryTag::Data) is apart: it is filled on a second stream, ahead of use. Its blocks
// keep their size, wait in line, and carry the moment at which the compute stream was done with them.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "cuda/allocator.h"
#include "cuda/check.h"
#include "cuda/context.h"
#include "cuda/kernels.h"

namespace octet::cuda {
namespace {

constexpr int64_t kAlignment = 256;
constexpr int64_t kSegment = int64_t{32} << 20;  // at least, of what is asked of the driver
constexpr int64_t kGranule = int64_t{2} << 20;   // larger requests are rounded up to this

int64_t rounded(int64_t bytes, int64_t unit = kAlignment) {
  return (std::max<int64_t>(bytes, 1) + unit - 1) / unit * unit;
}

// Every tensor an allocation of its own, so that compute-sanitizer sees where one ends.
bool plain() {
  static const bool plain = [] {
    const char* set = std::getenv("OCTET_ALLOCATOR");
    return set && std::string_view(set) == "plain";
  }();
  return plain;
}

struct Block {
  std::byte* data;
  int64_t size;
  Block *before, *after;  // neighbours in the segment
  bool free;
};

struct BySize {
  bool operator()(const Block* a, const Block* b) const {
    return a->size != b->size ? a->size < b->size : a->data < b->data;
  }
};

class Pool {
 public:
  explicit Pool(Device device) : device_(device) {}

  void* take(int64_t size) {  // null: the driver has no more
    const Block wanted{nullptr, size, nullptr, nullptr, true};
    auto found = free_.lower_bound(const_cast<Block*>(&wanted));
    Block* block = found != free_.end() ? *found : grow(size);
    if (!block) return nullptr;
    free_.erase(block);
    if (block->size > size) {
      auto* rest = new Block{block->data + size, block->size - size, block, block->after, true};
      if (rest->after) rest->after->before = rest;
      block->after = rest;
      block->size = size;
      free_.insert(rest);
    }
    block->free = false;
    used_[block->data] = block;
    return block->data;
  }

  void give_back(void* data) {
    const auto found = used_.find(data);
    Block* block = found->second;
    used_.erase(found);
    block->free = true;
    if (block->after && block->after->free) absorb_next(block);
    if (block->before && block->before->free) {
      block = block->before;
      absorb_next(block);
    }
    free_.insert(block);
  }

  // Gives segments that hold nothing back to the driver.
  void trim() {
    check(cudaStreamSynchronize(context(device_).stream));
    for (auto at = free_.begin(); at != free_.end();) {
      Block* block = *at;
      if (block->before || block->after) {
        ++at;
        continue;
      }
      at = free_.erase(at);
      check(cudaFree(block->data));
      ledger(device_).to_system(block->size);
      delete block;
    }
  }

 private:
  Block* grow(int64_t size) {
    const int64_t bytes = std::max(kSegment, rounded(size, kGranule));
    void* data = nullptr;
    for (const int64_t attempt : {bytes, rounded(size, kGranule)}) {
      if (cudaMalloc(&data, static_cast<size_t>(attempt)) == cudaSuccess) {
        ledger(device_).from_system(attempt);
        auto* block = new Block{static_cast<std::byte*>(data), attempt, nullptr, nullptr, true};
        free_.insert(block);
        return block;
      }
      cudaGetLastError();  // it is dealt with here
    }
    return nullptr;
  }

  // Joins a block, which may be in the free set, with its free neighbour behind it.
  void absorb_next(Block* block) {
    free_.erase(block);
    Block* next = block->after;
    free_.erase(next);
    block->size += next->size;
    block->after = next->after;
    if (next->after) next->after->before = block;
    delete next;
  }

  Device device_;
  std::set<Block*, BySize> free_;
  std::unordered_map<void*, Block*> used_;
};

// Memory of batches, by size class.
class UploadPool {
 public:
  explicit UploadPool(Pool& pool) : pool_(pool) {}

  void* take(int64_t size, const Context& c) {
    const int64_t room = class_size(size);
    auto& waiting = waiting_[room];
    // The one that has waited longest; a copy into it begins when the work that used it is done, which mostly
    // is long ago. A few are held so that copies can run ahead of the computation.
    if (waiting.size() >= kAhead) {
      const Slot slot = waiting.front();
      waiting.erase(waiting.begin());
      check(cudaStreamWaitEvent(c.copies, slot.used));
      live_[slot.data] = {slot.used, room};
      return slot.data;
    }
    void* data = pool_.take(room);
    if (!data) return nullptr;
    // Whatever had these bytes before may still be computing.
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    check(cudaEventRecord(event, c.stream));
    check(cudaStreamWaitEvent(c.copies, event));
    live_[data] = {event, room};
    return data;
  }

  bool owns(void* data) const { return live_.count(data) > 0; }

  void give_back(void* data, const Context& c) {
    const auto found = live_.find(data);
    cudaEventRecord(found->second.event, c.stream);  // a destructor may be calling: later calls report errors
    waiting_[found->second.room].push_back({data, found->second.event});
    live_.erase(found);
  }

 private:
  static constexpr size_t kAhead = 3;
  struct Slot {
    void* data;
    cudaEvent_t used;
  };
  struct Live {
    cudaEvent_t event;
    int64_t room;
  };
  static int64_t class_size(int64_t size) {  // powers of two: batches of all lengths share few classes
    int64_t room = 4096;
    while (room < size) room *= 2;
    return room;
  }

  Pool& pool_;
  std::map<int64_t, std::vector<Slot>> waiting_;
  std::unordered_map<void*, Live> live_;
};

struct Memory {
  std::mutex mutex;
  Pool pool;
  UploadPool uploads;
  explicit Memory(Device device) : pool(device), uploads(pool) {}
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
  void* data = nullptr;
  if (plain()) {
    data = plain_allocation(bytes);
    if (data) ledger(device).from_system(std::max<int64_t>(bytes, 1));
  } else {
    Memory& m = memory(device);
    const std::lock_guard lock(m.mutex);
    const auto take = [&] {
      return tag == MemoryTag::Data ? m.uploads.take(bytes, c) : m.pool.take(rounded(bytes));
    };
    data = take();
    if (!data) {
      m.pool.trim();
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
  if (tag == MemoryTag::Data) {
    m.uploads.give_back(data, context(device));
  } else {
    m.pool.give_back(data);
  }
}

}  // namespace octet::cuda
