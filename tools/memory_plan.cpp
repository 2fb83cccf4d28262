#include "tools/memory_plan.h"

#include <algorithm>

#include "core/error.h"

namespace octet::tools {

MemoryPlan::Handle MemoryPlan::tensor(std::string name, const Shape& shape, DType dtype, MemoryTag tag) {
  int64_t exact = 0;
  require(!__builtin_mul_overflow(shape.numel(), size_of(dtype), &exact) && exact < int64_t{1} << 60,
          ErrorKind::Memory, "memory: ", name, " ", shape, " has more bytes than any device");
  int64_t bytes = (exact + alignment_ - 1) / alignment_ * alignment_;
  if (gpu_) bytes = std::max(bytes, alignment_);
  const size_t place = tensors_.size();
  tensors_.push_back({std::move(name), shape, dtype, tag, bytes});
  changes_.push_back({place, true});
  const auto i = static_cast<size_t>(tag);
  live_[i] += bytes;
  live_total_ += bytes;
  largest_[i] = std::max(largest_[i], live_[i]);
  if (live_total_ > peak_total_) {
    peak_total_ = live_total_;
    at_peak_ = live_;
    phase_of_peak_ = phase_;
    changes_to_peak_ = changes_.size();
  }
  return {new PlannedTensor(tensors_.back()), [this, place](const PlannedTensor* tensor) {
            gone(place);
            delete tensor;
          }};
}

void MemoryPlan::scratch(const std::string& kernel, std::span<const int64_t> bytes) {
  std::vector<Handle> there;
  for (const int64_t size : bytes)
    if (size > 0) there.push_back(tensor(kernel + ": scratch", {size}, DType::U8, MemoryTag::Workspace));
}

void MemoryPlan::gone(size_t tensor) {
  changes_.push_back({tensor, false});
  live_[static_cast<size_t>(tensors_[tensor].tag)] -= tensors_[tensor].bytes;
  live_total_ -= tensors_[tensor].bytes;
}

std::vector<PlannedTensor> MemoryPlan::tensors_at_peak() const {
  std::vector<bool> there(tensors_.size());
  for (size_t i = 0; i < changes_to_peak_; ++i) there[changes_[i].tensor] = changes_[i].came;
  std::vector<PlannedTensor> out;
  for (size_t i = 0; i < there.size(); ++i)
    if (there[i]) out.push_back(tensors_[i]);
  return out;
}

}  // namespace octet::tools
