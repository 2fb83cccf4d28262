// A Tensor is a value: a cheap handle to shared bytes with a shape, an element type and a device. It is
// always contiguous, row-major. Copies, reshapes and row slices share the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"
#include "core/ledger.h"
#include "core/shape.h"

namespace octet {

class Storage;  // bytes on a device, booked in the ledger; freed with the last handle

class Tensor {
 public:
  Tensor() = default;  // holds nothing; defined() is false

  // Errors: a byte count that overflows or that the device cannot give is of kind Memory.
  static Tensor empty(const Shape& shape, DType dtype, Device device, MemoryTag tag);
  static Tensor zeros(const Shape& shape, DType dtype, Device device, MemoryTag tag);
  static Tensor full(const Shape& shape, double value, DType dtype, Device device, MemoryTag tag);
  // Uninitialised, with the type and device of `other`.
  static Tensor like(const Tensor& other, MemoryTag tag) { return like(other, other.shape(), tag); }
  static Tensor like(const Tensor& other, const Shape& shape, MemoryTag tag) {
    return empty(shape, other.dtype(), other.device(), tag);
  }
  // Copies host values; values.size() must be shape.numel().
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = Device::cpu(),
                     MemoryTag tag = MemoryTag::Data) {
    return from_bytes(std::as_bytes(values), shape, dtype_of<T>, device, tag);
  }
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape, Device device = Device::cpu(),
                     MemoryTag tag = MemoryTag::Data) {
    return from(std::span<const T>(values), shape, device, tag);
  }
  static Tensor from_bytes(std::span<const std::byte> bytes, const Shape& shape, DType dtype,
                           Device device = Device::cpu(), MemoryTag tag = MemoryTag::Data);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  int64_t rows() const { return shape_.rows(); }
  int64_t cols() const { return shape_.cols(); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  int64_t bytes() const { return numel() * size_of(dtype_); }

  Tensor reshape(const Shape& shape) const;             // same bytes; same number of elements
  Tensor slice_rows(int64_t begin, int64_t end) const;  // rows [begin, end) of the first axis; same bytes
  Tensor view(DType dtype, const Shape& shape) const;   // same bytes, all of them, as another type
  Tensor clone(MemoryTag tag) const;                    // bytes of its own
  Tensor to(Device device, MemoryTag tag) const;        // bytes of its own there
  Tensor to(DType dtype, MemoryTag tag) const;          // converted elements, bytes of its own
  void copy_from(const Tensor& source) const;           // same shape; converts type, crosses devices
  void fill(double value) const;

  bool shares_bytes_with(const Tensor& other) const { return storage_ && storage_ == other.storage_; }
  // True if no other handle shares the bytes, so that they may be overwritten.
  bool is_unique() const { return storage_.use_count() == 1; }

  // First element, for kernels. The type is checked; memory of a GPU must not be read through it by the host.
  template <class T>
  T* data() const {
    check_type(dtype_of<T>);
    return static_cast<T*>(raw());
  }
  void* raw() const { return bytes_; }
  // The elements, on the CPU only.
  template <class T>
  std::span<T> span() const {
    check_type(dtype_of<T>);
    check_on_cpu();
    return {static_cast<T*>(raw()), static_cast<size_t>(numel())};
  }
  // Host copies of all elements, and of the only element.
  template <class T>
  std::vector<T> to_vector() const {
    check_type(dtype_of<T>);
    std::vector<T> values(static_cast<size_t>(numel()));
    copy_to_host(values.data());
    return values;
  }
  double item() const;  // of a tensor with one element of any type

 private:
  void check_defined() const;
  void check_type(DType wanted) const;
  void check_on_cpu() const;
  void copy_to_host(void* destination) const;

  std::shared_ptr<Storage> storage_;
  void* bytes_ = nullptr;  // inside the storage
  Shape shape_;
  DType dtype_ = DType::F32;
  Device device_;
};

}  // namespace octet
