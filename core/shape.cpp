#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace octet {

Shape::Shape(std::span<const int64_t> sizes) {
  require(sizes.size() <= kMaxRank, "Shape: ", sizes.size(), " axes, at most ", kMaxRank, " are supported");
  rank_ = static_cast<int>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  count();
}

void Shape::count() {
  numel_ = 1;
  bool empty = false;
  for (const int64_t size : sizes()) {
    require(size >= 0, "Shape: negative size in ", text());
    empty |= size == 0;
  }
  if (empty) {
    numel_ = 0;
    return;
  }
  for (const int64_t size : sizes())
    require(!__builtin_mul_overflow(numel_, size, &numel_), ErrorKind::Memory, "Shape: ", text(),
            " has more elements than a 64-bit count can hold");
}

int Shape::axis(int axis) const {
  const int from_front = axis < 0 ? axis + rank_ : axis;
  require(from_front >= 0 && from_front < rank_, "Shape: no axis ", axis, " in ", text());
  return from_front;
}

int64_t Shape::operator[](int axis_) const { return sizes_[axis(axis_)]; }

void Shape::set(int axis_, int64_t size) {
  sizes_[axis(axis_)] = size;
  count();
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(sizes_.begin(), sizes_.begin() + rank_, other.sizes_.begin());
}

std::string Shape::text() const {
  std::string text("[");
  for (int i = 0; i < rank_; ++i) text.append(i ? "," : "").append(std::to_string(sizes_[i]));
  text += "]";
  return text;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.text(); }

Shape broadcast(const Shape& a, const Shape& b, const char* what) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> sizes{};
  for (int i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.rank() ? a[-i] : 1, y = i <= b.rank() ? b[-i] : 1;
    require(x == y || x == 1 || y == 1, what, ": shapes do not broadcast, ", a, " and ", b);
    sizes[rank - i] = x == 1 ? y : x;
  }
  return Shape(std::span<const int64_t>(sizes.data(), static_cast<size_t>(rank)));
}

}  // namespace octet
