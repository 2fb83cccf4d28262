// The memory ledger: every byte a tensor holds is booked under a purpose, set where the bytes are allocated.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/device.h"

namespace octet {

enum class MemoryTag : uint8_t { Weights, Gradients, OptimizerState, Activations, Workspace, Data };
constexpr int kMemoryTags = 6;
// The names logs and reports use: weights, gradients, optimizer_state, activations, workspace, data.
const char* name_of(MemoryTag tag);

using BytesByTag = std::array<int64_t, kMemoryTags>;

struct MemoryUse {
  BytesByTag live{};     // bytes held now
  BytesByTag peak{};     // each tag's own maximum
  BytesByTag at_peak{};  // what each tag held at the moment of the overall peak; sums to peak_total
  int64_t live_total = 0;
  int64_t peak_total = 0;
  int64_t system_allocations = 0;  // requests that reached the system or driver rather than the cache
  int64_t system_bytes = 0;        // bytes held from the system, cached blocks included
};

// Is told of every change of a ledger while it is set there, under the ledger's lock and on the thread that
// allocates or frees: it must be quick and allocate no tensors.
class MemoryObserver {
 public:
  virtual ~MemoryObserver() = default;
  virtual void changed(const BytesByTag& live) = 0;
  virtual void entered(const char* phase) = 0;  // a ProfileRange of the ledger's device begins,
  virtual void left() = 0;                      // and the innermost one ends
};

class MemoryLedger {
 public:
  void allocated(MemoryTag tag, int64_t bytes);
  void freed(MemoryTag tag, int64_t bytes);
  void from_system(int64_t bytes);
  void to_system(int64_t bytes);
  MemoryUse use() const;
  // Forgets the peaks: they start again from what is live.
  void reset_peaks();

  // At most one, which must outlive its stay; null: none, and nothing but a test for it is paid.
  void observe(MemoryObserver* observer);
  void entered(const char* phase);
  void left();

 private:
  mutable std::mutex mutex_;
  MemoryUse use_;
  std::atomic<MemoryObserver*> observer_ = nullptr;  // written under the lock
};

// The ledger of one device; it lives as long as the process.
MemoryLedger& ledger(Device device);

}  // namespace octet
