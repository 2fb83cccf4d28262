#include "core/ledger.h"

#include <algorithm>

#include "core/error.h"

namespace octet {

const char* name_of(MemoryTag tag) {
  switch (tag) {
    case MemoryTag::Weights:
      return "weights";
    case MemoryTag::Gradients:
      return "gradients";
    case MemoryTag::OptimizerState:
      return "optimizer_state";
    case MemoryTag::Activations:
      return "activations";
    case MemoryTag::Workspace:
      return "workspace";
    case MemoryTag::Data:
      return "data";
  }
  return "?";
}

void MemoryLedger::allocated(MemoryTag tag, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto i = static_cast<size_t>(tag);
  use_.live[i] += bytes;
  use_.live_total += bytes;
  use_.peak[i] = std::max(use_.peak[i], use_.live[i]);
  if (use_.live_total > use_.peak_total) {
    use_.peak_total = use_.live_total;
    use_.at_peak = use_.live;
  }
  if (MemoryObserver* observer = observer_.load(std::memory_order_relaxed)) observer->changed(use_.live);
}

void MemoryLedger::freed(MemoryTag tag, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  use_.live[static_cast<size_t>(tag)] -= bytes;
  use_.live_total -= bytes;
  if (MemoryObserver* observer = observer_.load(std::memory_order_relaxed)) observer->changed(use_.live);
}

void MemoryLedger::from_system(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  ++use_.system_allocations;
  use_.system_bytes += bytes;
}

void MemoryLedger::to_system(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  use_.system_bytes -= bytes;
}

MemoryUse MemoryLedger::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void MemoryLedger::reset_peaks() {
  const std::lock_guard lock(mutex_);
  use_.peak = use_.at_peak = use_.live;
  use_.peak_total = use_.live_total;
}

void MemoryLedger::observe(MemoryObserver* observer) {
  const std::lock_guard lock(mutex_);
  observer_ = observer;
}

void MemoryLedger::entered(const char* phase) {
  if (!observer_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  if (MemoryObserver* observer = observer_.load(std::memory_order_relaxed)) observer->entered(phase);
}

void MemoryLedger::left() {
  if (!observer_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  if (MemoryObserver* observer = observer_.load(std::memory_order_relaxed)) observer->left();
}

MemoryLedger& ledger(Device device) {
  constexpr int kMaxDevices = 64;
  // Leaked on purpose: tensors with static lifetime may be freed after any destructor here.
  static auto* ledgers = new std::array<MemoryLedger, kMaxDevices + 1>;
  require(device.index >= 0 && device.index < kMaxDevices, ErrorKind::Device, "no such device: ", device);
  return (*ledgers)[device.is_cpu() ? 0 : static_cast<size_t>(device.index) + 1];
}

}  // namespace octet
