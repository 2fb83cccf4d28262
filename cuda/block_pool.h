// Segments from the driver, cut into blocks. A freed block joins its free neighbours and serves the next
// request that it fits best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>

#include "core/device.h"

namespace octet::cuda {

class BlockPool {
 public:
  // segment: bytes asked of the driver at a time, at least.
  BlockPool(Device device, int64_t segment) : device_(device), segment_(segment) {}

  // size: a multiple of what addresses are to be aligned to (256 or less). Null: the driver has no more.
  void* take(int64_t size);
  void give_back(void* data);
  // Gives segments that hold nothing back to the driver. All work must be done.
  void trim();

 private:
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

  Block* grow(int64_t size);
  void absorb_next(Block* block);

  Device device_;
  int64_t segment_;
  std::set<Block*, BySize> free_;
  std::unordered_map<void*, Block*> used_;
};

}  // namespace octet::cuda
