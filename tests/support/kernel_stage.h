// What a kernel case is made of: operands on a device, outputs, and what they should hold.
#pragma once

#include <cmath>
#include <utility>

#include "core/backend.h"
#include "core/rng.h"
#include "core/tensor.h"
#include "tests/support/kernel_cases.h"

namespace octet::testing {

using Values = std::vector<double>;
using Cases = std::vector<KernelCase>;

// Uniform in [low, high), rounded to float32, so that both element types start from the same numbers.
Values random_values(int64_t count, double low, double high, uint64_t seed);

// Elements of any type, from any device.
Values values_of(const Tensor& tensor);

class Stage {
 public:
  Stage(Device device, DType dtype) : device_(device), dtype_(dtype) {}

  const KernelTable& kernels() const { return octet::kernels(device_); }
  Device device() const { return device_; }
  DType dtype() const { return dtype_; }

  Tensor in(const Values& values, const Shape& shape) const;
  Tensor ids(const std::vector<int32_t>& values) const;
  // Filled with NaN, so that an element that is not written is seen.
  Tensor out(const Shape& shape) const;

  void expect(std::string name, const Tensor& actual, Values expected) {
    outputs_.push_back({std::move(name), values_of(actual), std::move(expected), false});
  }
  void expect_exactly(std::string name, Values actual, Values expected) {
    outputs_.push_back({std::move(name), std::move(actual), std::move(expected), true});
  }
  std::vector<KernelOutput> outputs() && { return std::move(outputs_); }

 private:
  Device device_;
  DType dtype_;
  std::vector<KernelOutput> outputs_;
};

// body(Stage&) fills in the operands, calls the kernel and says what is expected.
template <class Body>
void add_case(Cases& cases, std::string entry, std::string what, Body body) {
  cases.push_back({std::move(entry), std::move(what), [body = std::move(body)](Device device, DType dtype) {
                     Stage stage(device, dtype);
                     body(stage);
                     return std::move(stage).outputs();
                   }});
}

// One file each.
void add_pointwise_cases(Cases& cases);
void add_layout_cases(Cases& cases);  // memory, sums, layout, dropout
void add_matmul_cases(Cases& cases);
void add_row_cases(Cases& cases);     // softmax, layer norm
void add_lookup_cases(Cases& cases);  // embedding, losses
void add_lstm_cases(Cases& cases);

}  // namespace octet::testing
