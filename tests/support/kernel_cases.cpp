#include "tests/support/kernel_cases.h"

#include <limits>
#include <sstream>

#include "core/error.h"
#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

template <class T>
Values as_values(const Tensor& tensor) {
  Values values;
  for (const T& value : tensor.to_vector<T>()) {
    if constexpr (std::is_same_v<T, BFloat16>) {
      values.push_back(static_cast<float>(value));
    } else {
      values.push_back(static_cast<double>(value));
    }
  }
  return values;
}

}  // namespace

Values random_values(int64_t count, double low, double high, uint64_t seed) {
  Rng rng(seed);
  Values values(static_cast<size_t>(count));
  for (double& value : values) value = static_cast<float>(low + (high - low) * rng.uniform());
  return values;
}

Values values_of(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::F32:
      return as_values<float>(tensor);
    case DType::F64:
      return as_values<double>(tensor);
    case DType::BF16:
      return as_values<BFloat16>(tensor);
    case DType::I32:
      return as_values<int32_t>(tensor);
    case DType::I64:
      return as_values<int64_t>(tensor);
    case DType::U8:
      return as_values<uint8_t>(tensor);
  }
  return {};
}

Tensor Stage::in(const Values& values, const Shape& shape) const {
  if (dtype_ == DType::F64) return Tensor::from(values, shape, device_);
  return Tensor::from(std::vector<float>(values.begin(), values.end()), shape, device_);
}

Tensor Stage::ids(const std::vector<int32_t>& values) const {
  return Tensor::from(values, {static_cast<int64_t>(values.size())}, device_);
}

Tensor Stage::out(const Shape& shape) const {
  return in(Values(static_cast<size_t>(shape.numel()), std::numeric_limits<double>::quiet_NaN()), shape);
}

std::vector<KernelCase> kernel_cases() {
  Cases cases;
  add_pointwise_cases(cases);
  add_layout_cases(cases);
  add_matmul_cases(cases);
  add_row_cases(cases);
  add_lookup_cases(cases);
  add_lstm_cases(cases);
  return cases;
}

std::string disagreement(const KernelOutput& output, double tolerance) {
  const auto& [name, actual, expected, exact] = output;
  std::ostringstream text;
  if (actual.size() != expected.size()) {
    text << name << ": " << actual.size() << " elements, expected " << expected.size();
    return text.str();
  }
  double norm = 0, largest = 0, error_norm = 0, largest_error = 0;
  size_t worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(actual[i] - expected[i]);
    const double error = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    norm += expected[i] * expected[i];
    largest = std::max(largest, std::abs(expected[i]));
    error_norm += error * error;
    if (error > largest_error) {
      largest_error = error;
      worst = i;
    }
  }
  // Where zeros are expected the errors stand for themselves.
  const double by_norm = std::sqrt(error_norm) / (norm > 0 ? std::sqrt(norm) : 1);
  const double by_largest = largest_error / (largest > 0 ? largest : 1);
  const double limit = exact ? 0 : tolerance;
  if (by_norm <= limit && by_largest <= limit) return "";
  text << name << ": norm-wise error " << by_norm << ", largest error over largest value " << by_largest
       << ", worst at element " << worst << ": " << actual[worst] << ", expected " << expected[worst];
  return text.str();
}

}  // namespace octet::testing
