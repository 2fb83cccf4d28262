// The sizes of a tensor's axes, outermost first. Up to six axes, held in place; element counts never
// overflow.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>

namespace octet {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;  // a scalar: no axes, one element
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  // Axis from the front, or from the back when negative: shape[-1] is the innermost.
  int64_t operator[](int axis) const;
  void set(int axis, int64_t size);
  int64_t numel() const { return numel_; }
  std::span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }
  // All but the last axis multiplied together, and the last; a scalar is one row of one column.
  int64_t rows() const { return rank_ == 0 ? 1 : (sizes_[rank_ - 1] == 0 ? 0 : numel_ / sizes_[rank_ - 1]); }
  int64_t cols() const { return rank_ == 0 ? 1 : sizes_[rank_ - 1]; }
  // Turns a negative axis into one from the front; error if there is no such axis.
  int axis(int axis) const;

  bool operator==(const Shape& other) const;
  std::string text() const;  // [2,3]

 private:
  void count();

  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
  int64_t numel_ = 1;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

// The shape both broadcast to (trailing axes aligned, size 1 stretches); error naming both if there is none.
Shape broadcast(const Shape& a, const Shape& b, const char* what);

}  // namespace octet
