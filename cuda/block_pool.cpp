#include "cuda/block_pool.h"

#include <algorithm>

#include "core/ledger.h"
#include "cuda/check.h"

namespace octet::cuda {

void* BlockPool::take(int64_t size) {
  Block wanted{nullptr, size, nullptr, nullptr, true};
  const auto found = free_.lower_bound(&wanted);
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

void BlockPool::give_back(void* data) {
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

void BlockPool::trim() {
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

BlockPool::Block* BlockPool::grow(int64_t size) {
  constexpr int64_t kGranule = int64_t{2} << 20;
  const int64_t least = (size + kGranule - 1) / kGranule * kGranule;
  for (const int64_t bytes : {std::max(segment_, least), least}) {
    void* data = nullptr;
    if (cudaMalloc(&data, static_cast<size_t>(bytes)) == cudaSuccess) {
      ledger(device_).from_system(bytes);
      auto* block = new Block{static_cast<std::byte*>(data), bytes, nullptr, nullptr, true};
      free_.insert(block);
      return block;
    }
    cudaGetLastError();  // it is dealt with here
  }
  return nullptr;
}

// Joins a block, which may be in the free set, with its free neighbour behind it.
void BlockPool::absorb_next(Block* block) {
  free_.erase(block);
  Block* next = block->after;
  free_.erase(next);
  block->size += next->size;
  block->after = next->after;
  if (next->after) next->after->before = block;
  delete next;
}

}  // namespace octet::cuda
