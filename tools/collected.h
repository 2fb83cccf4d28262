// Numbers that pile up on a device and are read all at once, so that no step waits for the host.
#pragma once

#include <vector>

#include "core/backend.h"
#include "core/error.h"

namespace octet::tools {

class Collected {
 public:
  Collected(int64_t capacity, Device device)
      : values_(Tensor::zeros({capacity}, DType::F32, device, MemoryTag::Workspace)) {}

  int64_t size() const { return size_; }
  bool full() const { return size_ == values_.numel(); }

  // Appends all elements of x, of type f32.
  void add(const Tensor& x) {
    require(x.dtype() == DType::F32, "Collected: needs f32, got ", x.dtype());
    require(size_ + x.numel() <= values_.numel(), "Collected: ", x.numel(), " values more than the ",
            values_.numel(), " there is room for, ", size_, " are there");
    if (x.numel() > 0) kernels(x).layout.copy_block(x, values_, {1, x.numel(), 0, 0, size_, 0});
    size_ += x.numel();
  }

  // What was added, and forgets it. Waits for the device.
  std::vector<float> take() {
    std::vector<float> values = values_.slice_rows(0, size_).to_vector<float>();
    size_ = 0;
    return values;
  }

 private:
  Tensor values_;
  int64_t size_ = 0;
};

}  // namespace octet::tools
