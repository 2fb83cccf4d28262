// Memory of batches, by size class: filled on a second stream, ahead of use. Its blocks keep their size, wait
// in line, and carry the moment at which the compute stream was done with them.
#pragma once

#include <cuda_runtime.h>

#include <deque>
#include <map>
#include <unordered_map>

#include "cuda/block_pool.h"
#include "cuda/check.h"
#include "cuda/context.h"

namespace octet::cuda {

class UploadPool {
 public:
  static constexpr int64_t kLargest = int64_t{16} << 20;  // bytes; larger ones are not batches

  explicit UploadPool(Device device) : pool_(device, int64_t{4} << 20) {}

  void* take(int64_t size, const Context& c) {
    const int64_t room = class_size(size);
    auto& waiting = waiting_[room];
    // So many wait at least that copies can run ahead of the computation: they are made together, so that the
    // first step of a shape takes all that later ones need.
    while (waiting.size() <= kAhead) {
      void* data = pool_.take(room);
      if (!data) break;
      cudaEvent_t event = nullptr;
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
      check(cudaEventRecord(event, c.stream));  // whatever had these bytes before may still be computing
      waiting.push_back({data, event});
    }
    if (waiting.empty()) return nullptr;
    // The one that has waited longest. A copy into it begins when the work that used it is done, which mostly
    // is long ago.
    const Slot slot = waiting.front();
    waiting.pop_front();
    check(cudaStreamWaitEvent(c.copies, slot.used));
    live_[slot.data] = {slot.used, room};
    return slot.data;
  }

  bool owns(void* data) const { return live_.count(data) > 0; }

  void give_back(void* data, const Context& c) {
    const auto found = live_.find(data);
    cudaEventRecord(found->second.event, c.stream);  // a destructor may be calling: later calls report errors
    waiting_[found->second.room].push_back({data, found->second.event});
    live_.erase(found);
  }

  // All work on both streams is done.
  void trim() {
    for (auto& [room, waiting] : waiting_) {
      for (const Slot& slot : waiting) {
        check(cudaEventDestroy(slot.used));
        pool_.give_back(slot.data);
      }
      waiting.clear();
    }
    pool_.trim();
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

  BlockPool pool_;
  std::map<int64_t, std::deque<Slot>> waiting_;
  std::unordered_map<void*, Live> live_;
};

}  // namespace octet::cuda
