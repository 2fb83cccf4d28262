#include "core/tensor.h"

#include <cstring>

#include "core/backend.h"
#include "core/error.h"

namespace octet {

class Storage {
 public:
  Storage(Device device, int64_t bytes, MemoryTag tag)
      : backend_(&backend(device)),
        device_(device),
        bytes_(bytes),
        tag_(tag),
        data_(backend_->allocate(device, bytes, tag)) {}
  ~Storage() { backend_->deallocate(device_, data_, bytes_, tag_); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  void* data() const { return data_; }

 private:
  const Backend* backend_;
  Device device_;
  int64_t bytes_;
  MemoryTag tag_;
  void* data_;
};

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device, MemoryTag tag) {
  int64_t bytes = 0;
  require(!__builtin_mul_overflow(shape.numel(), size_of(dtype), &bytes), ErrorKind::Memory,
          "Tensor: ", shape, " of ", dtype, " has more bytes than a 64-bit count can hold");
  Tensor tensor;
  tensor.storage_ = std::make_shared<Storage>(device, bytes, tag);
  tensor.bytes_ = tensor.storage_->data();
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.device_ = device;
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device, MemoryTag tag) {
  return full(shape, 0, dtype, device, tag);
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device, MemoryTag tag) {
  Tensor tensor = empty(shape, dtype, device, tag);
  tensor.fill(value);
  return tensor;
}

Tensor Tensor::from_bytes(std::span<const std::byte> bytes, const Shape& shape, DType dtype, Device device,
                          MemoryTag tag) {
  Tensor tensor = empty(shape, dtype, device, tag);
  require(static_cast<int64_t>(bytes.size()) == tensor.bytes(), "Tensor::from: ", bytes.size(), " bytes for ",
          shape, " of ", dtype, ", which takes ", tensor.bytes());
  backend(device).upload(device, tensor.raw(), bytes.data(), tensor.bytes());
  return tensor;
}

Tensor Tensor::reshape(const Shape& shape) const {
  require(shape.numel() == numel(), "reshape: ", shape_, " has ", numel(), " elements, ", shape, " has ",
          shape.numel());
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::slice_rows(int64_t begin, int64_t end) const {
  require(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0], "slice_rows: [", begin, ",",
          end, ") is not inside the first axis of ", shape_);
  Tensor tensor = *this;
  const int64_t row = shape_[0] == 0 ? 0 : numel() / shape_[0];
  tensor.shape_.set(0, end - begin);
  tensor.bytes_ = static_cast<std::byte*>(bytes_) + begin * row * size_of(dtype_);
  return tensor;
}

Tensor Tensor::view(DType dtype, const Shape& shape) const {
  require(shape.numel() * size_of(dtype) == bytes(), "view: ", shape_, " of ", dtype_, " and ", shape, " of ",
          dtype, " differ in bytes");
  Tensor tensor = *this;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  return tensor;
}

Tensor Tensor::clone(MemoryTag tag) const {
  Tensor tensor = like(*this, tag);
  tensor.copy_from(*this);
  return tensor;
}

Tensor Tensor::to(Device device, MemoryTag tag) const {
  Tensor tensor = empty(shape_, dtype_, device, tag);
  tensor.copy_from(*this);
  return tensor;
}

Tensor Tensor::to(DType dtype, MemoryTag tag) const {
  Tensor tensor = empty(shape_, dtype, device_, tag);
  tensor.copy_from(*this);
  return tensor;
}

void Tensor::copy_from(const Tensor& source) const {
  check_defined();
  source.check_defined();
  require(shape_ == source.shape_, "copy: shapes differ, ", source.shape_, " into ", shape_);
  if (numel() == 0) return;
  if (device_ == source.device_) {
    kernels(device_).memory.convert(source, *this);
    return;
  }
  require(dtype_ == source.dtype_, "copy: types differ across devices, ", source.dtype_, " into ", dtype_);
  if (source.device_.is_cpu()) {
    backend(device_).copy_from_host(device_, raw(), source.raw(), bytes());
  } else {
    require(device_.is_cpu(), "copy: from ", source.device_, " to ", device_, " is not supported");
    source.copy_to_host(raw());
  }
}

void Tensor::fill(double value) const {
  check_defined();
  if (numel() > 0) kernels(device_).memory.fill(*this, value);
}

double Tensor::item() const {
  require(numel() == 1, "item: a tensor of one element is needed, this one is ", shape_);
  switch (dtype_) {
    case DType::F32:
      return to_vector<float>()[0];
    case DType::F64:
      return to_vector<double>()[0];
    case DType::BF16:
      return static_cast<float>(to_vector<BFloat16>()[0]);
    case DType::I32:
      return to_vector<int32_t>()[0];
    case DType::I64:
      return static_cast<double>(to_vector<int64_t>()[0]);
    case DType::U8:
      return to_vector<uint8_t>()[0];
  }
  return 0;
}

void Tensor::check_defined() const {
  require(defined(), "Tensor: it holds nothing; it was never given a value");
}

void Tensor::check_type(DType wanted) const {
  check_defined();
  require(dtype_ == wanted, "Tensor: elements are ", dtype_, ", read as ", wanted);
}

void Tensor::check_on_cpu() const {
  require(device_.is_cpu(), "Tensor: elements on ", device_,
          " cannot be read by the host; copy it to the CPU");
}

void Tensor::copy_to_host(void* destination) const {
  if (numel() > 0) backend(device_).copy_to_host(device_, destination, raw(), bytes());
}

}  // namespace octet
