// The first element of a tensor that is not as it should be: what a file is asked before it is taken.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "core/error.h"
#include "core/tensor.h"

namespace octet {

struct FoundElement {
  int64_t place;  // counted through all rows
  double value;   // a NaN without its sign
};

// The first element for which wrong(double) holds.
template <class T, class Wrong>
std::optional<FoundElement> find_element(std::span<const T> elements, const Wrong& wrong) {
  int64_t place = 0;
  for (const T element : elements) {
    using Number = std::conditional_t<std::is_same_v<T, double>, double, float>;  // a BF16's own
    const double value{static_cast<Number>(element)};
    if (wrong(value)) return FoundElement{place, std::isnan(value) ? std::abs(value) : value};
    ++place;
  }
  return std::nullopt;
}

// Of a tensor on any device; none in one of whole numbers.
template <class Wrong>
std::optional<FoundElement> find_element(const Tensor& tensor, const Wrong& wrong) {
  const auto search = [&]<class T>(T) {
    const Tensor here = tensor.device().is_cpu() ? tensor : tensor.to(Device::cpu(), MemoryTag::Workspace);
    return find_element(std::span<const T>(here.span<T>()), wrong);
  };
  if (tensor.dtype() == DType::F32) return search(float());
  if (tensor.dtype() == DType::F64) return search(double());
  if (tensor.dtype() == DType::BF16) return search(BFloat16());
  return std::nullopt;
}

// Error (Checkpoint): weights with an element that is no finite number; `source` is the path of their file.
inline void require_finite(const Tensor& weights, const std::string& source, const std::string& name) {
  if (const auto found = find_element(weights, [](double value) { return !std::isfinite(value); }))
    fail(ErrorKind::Checkpoint, source, ": ", name, " is of no use: element ", found->place, " is ",
         found->value, "; put a copy back, or train anew");
}

}  // namespace octet
