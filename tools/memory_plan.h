// A memory ledger without memory: tensors that are only names, shapes and types come and go on it as the
// real ones do in a run, and it knows what is there at the peak.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/ledger.h"
#include "core/shape.h"

namespace octet::tools {

struct PlannedTensor {
  std::string name;
  Shape shape;
  DType dtype;
  MemoryTag tag;
  int64_t bytes;  // as the device's ledger counts them: rounded up

  int64_t exact_bytes() const { return shape.numel() * size_of(dtype); }
};

class MemoryPlan {
 public:
  explicit MemoryPlan(Device device) : alignment_(device.is_cpu() ? 64 : 256), gpu_(!device.is_cpu()) {}
  MemoryPlan(const MemoryPlan&) = delete;
  MemoryPlan& operator=(const MemoryPlan&) = delete;

  // Is there until its last handle is gone, which must be before the plan.
  using Handle = std::shared_ptr<const PlannedTensor>;
  Handle tensor(std::string name, const Shape& shape, DType dtype, MemoryTag tag);
  bool on_gpu() const { return gpu_; }
  // What a kernel takes while it runs: all of these bytes at once, then none.
  void scratch(const std::string& kernel, std::span<const int64_t> bytes);

  void enter(std::string phase) { phase_ = std::move(phase); }

  int64_t peak() const { return peak_total_; }
  const BytesByTag& at_peak() const { return at_peak_; }
  const BytesByTag& largest() const { return largest_; }  // of each tag by itself
  const std::string& phase_of_peak() const { return phase_of_peak_; }
  std::vector<PlannedTensor> tensors_at_peak() const;  // in the order in which they came

 private:
  struct Change {
    size_t tensor;
    bool came;
  };
  void gone(size_t tensor);

  int64_t alignment_;
  bool gpu_;
  std::string phase_, phase_of_peak_;
  std::vector<PlannedTensor> tensors_;  // all there ever were
  std::vector<Change> changes_;
  size_t changes_to_peak_ = 0;
  BytesByTag live_{}, at_peak_{}, largest_{};
  int64_t live_total_ = 0, peak_total_ = 0;
};

}  // namespace octet::tools
