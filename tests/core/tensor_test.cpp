#include "core/tensor.h"

#include <bit>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/find_element.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

const MemoryTag kTag = MemoryTag::Data;

Tensor counting(const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::from(values, shape);
}

}  // namespace

TEST_CASE("a copy of a tensor is another handle to the same bytes, a clone is not") {
  const Tensor a = counting({2, 3});
  CHECK(a.is_unique());
  const Tensor b = a, c = a.clone(kTag);
  CHECK(b.shares_bytes_with(a));
  CHECK(!c.shares_bytes_with(a));
  CHECK(!a.is_unique());
  CHECK(c.is_unique());
  b.fill(7);
  CHECK(a.to_vector<float>() == std::vector<float>(6, 7));
  CHECK(c.to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a handle that goes away makes the other one unique again") {
  const Tensor a = counting({4});
  {
    const Tensor b = a.reshape({2, 2});
    CHECK(!a.is_unique());
  }
  CHECK(a.is_unique());
}

TEST_CASE("reshape and row slices share bytes") {
  const Tensor a = counting({4, 3});
  const Tensor wide = a.reshape({2, 6}), rows = a.slice_rows(1, 3), none = a.slice_rows(4, 4);
  CHECK(wide.shares_bytes_with(a));
  CHECK(rows.shares_bytes_with(a));
  CHECK(wide.raw() == a.raw());
  CHECK(rows.shape() == Shape{2, 3});
  CHECK(rows.to_vector<float>() == std::vector<float>{3, 4, 5, 6, 7, 8});
  CHECK(none.shape() == Shape{0, 3});
  CHECK(none.to_vector<float>().empty());
  rows.slice_rows(1, 2).fill(-1);
  CHECK(a.to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5, -1, -1, -1, 9, 10, 11});
  CHECK(rows.rows() == 2);
  CHECK(rows.cols() == 3);
  CHECK(rows.bytes() == 24);
}

TEST_CASE("a view reads the same bytes as another type") {
  const Tensor bytes = Tensor::zeros({8}, DType::U8, Device::cpu(), MemoryTag::Data);
  const Tensor floats = bytes.view(DType::F32, {2, 1});
  CHECK(floats.shares_bytes_with(bytes));
  floats.fill(1);
  CHECK(bytes.to_vector<uint8_t>() == std::vector<uint8_t>{0, 0, 128, 63, 0, 0, 128, 63});
}

TEST_CASE("reshape and slices that do not fit name the shapes") {
  const Tensor a = counting({4, 3});
  CHECK_ERROR(ErrorKind::Usage, "[4,3] of f32 and [3] of f64 differ in bytes", a.view(DType::F64, {3}));
  CHECK_ERROR(ErrorKind::Usage, "[4,3] has 12 elements, [5] has 5", a.reshape({5}));
  CHECK_ERROR(ErrorKind::Usage, "[1,5) is not inside the first axis of [4,3]", a.slice_rows(1, 5));
  CHECK_ERROR(ErrorKind::Usage, "[-1,2)", a.slice_rows(-1, 2));
  CHECK_ERROR(ErrorKind::Usage, "[3,2)", a.slice_rows(3, 2));
  CHECK_ERROR(ErrorKind::Usage, "first axis of []", counting({}).slice_rows(0, 0));
}

TEST_CASE("values come back as they were given, in every type") {
  const auto round_trip = [](auto value) {
    using T = decltype(value);
    const std::vector<T> values = {value, T{}, std::numeric_limits<T>::max(),
                                   std::numeric_limits<T>::lowest()};
    const Tensor tensor = Tensor::from(values, {2, 2});
    CHECK(tensor.dtype() == dtype_of<T>);
    CHECK(tensor.bytes() == static_cast<int64_t>(4 * sizeof(T)));
    CHECK(tensor.to_vector<T>() == values);
    CHECK(tensor.reshape({4}).slice_rows(0, 1).item() == static_cast<double>(value));
  };
  round_trip(1.5f);
  round_trip(0.1);
  round_trip(int32_t{-5});
  round_trip(int64_t{1} << 40);
  round_trip(uint8_t{200});
  CHECK(Tensor::from(std::vector<BFloat16>{BFloat16(-2.5f)}, {}).item() == -2.5);
}

TEST_CASE("wrong counts, types and uses say what was wanted") {
  CHECK_ERROR(ErrorKind::Usage, "8 bytes for [3] of f32, which takes 12",
              Tensor::from(std::vector<float>{1, 2}, {3}));
  const Tensor a = counting({2, 3});
  CHECK_ERROR(ErrorKind::Usage, "elements are f32, read as f64", a.to_vector<double>());
  CHECK_ERROR(ErrorKind::Usage, "elements are f32, read as i32", a.data<int32_t>());
  CHECK_ERROR(ErrorKind::Usage, "one element is needed, this one is [2,3]", a.item());
  CHECK_ERROR(ErrorKind::Usage, "copy: shapes differ, [2,3] into [3,2]",
              Tensor::zeros({3, 2}, DType::F32, Device::cpu(), kTag).copy_from(a));
}

TEST_CASE("a tensor that holds nothing says so instead of being read") {
  const Tensor nothing;
  CHECK(!nothing.defined());
  CHECK(!nothing.is_unique());
  CHECK(!nothing.shares_bytes_with(nothing));
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.item());
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.to_vector<float>());
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.data<float>());
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.span<float>());
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.fill(1));
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", counting({}).copy_from(nothing));
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.copy_from(counting({})));
  CHECK_ERROR(ErrorKind::Usage, "holds nothing", nothing.clone(kTag));
}

TEST_CASE("a byte count that overflows or exceeds the machine is a memory error with the numbers") {
  const auto make = [](const Shape& shape, DType type) {
    return Tensor::empty(shape, type, Device::cpu(), MemoryTag::Weights);
  };
  CHECK_ERROR(ErrorKind::Memory, "[2305843009213693952] of f32 has more bytes",
              make({int64_t{1} << 61}, DType::F32));
  CHECK_ERROR(ErrorKind::Memory, "[4611686018427387904] of bf16", make({int64_t{1} << 62}, DType::BF16));
  CHECK_ERROR(ErrorKind::Memory, "4611686018427387904 bytes wanted for weights",
              make({int64_t{1} << 62}, DType::U8));
  CHECK_ERROR(ErrorKind::Memory, "9223372036854775807 bytes wanted",
              make({std::numeric_limits<int64_t>::max()}, DType::U8));
  CHECK_ERROR(ErrorKind::Memory, "the machine has", make({int64_t{1} << 50}, DType::F64));
}

TEST_CASE("an empty tensor has no bytes and can be copied, filled and read") {
  const Tensor empty = Tensor::zeros({0, 3}, DType::F32, Device::cpu(), kTag);
  CHECK(empty.defined());
  CHECK(empty.bytes() == 0);
  empty.fill(1);
  CHECK(empty.clone(kTag).to_vector<float>().empty());
  CHECK(empty.to(DType::F64, kTag).to_vector<double>().empty());
  CHECK(Tensor::from(std::vector<int64_t>{}, {0}).numel() == 0);
}

TEST_CASE("a CUDA device that is not there is a device error") {
  // With a GPU the negative index is what is wrong.
  CHECK_ERROR(ErrorKind::Device, "", Tensor::zeros({1}, DType::F32, Device::cuda(-1), kTag));
}

TEST_CASE(
    "an element is found by its place in any type of floats, a NaN without its sign, and none in whole "
    "numbers") {
  const auto negative = [](double value) { return value < 0; };
  const Tensor x = Tensor::from(std::vector<float>{1, 2, -3, 4, -5, 6}, {2, 3});
  for (const DType type : {DType::F32, DType::F64, DType::BF16}) {
    const auto found = find_element(x.to(type, MemoryTag::Data), negative);
    REQUIRE(found);
    CHECK(found->place == 2);
    CHECK(found->value == -3);
    CHECK(!find_element(x.to(type, MemoryTag::Data), [](double value) { return value > 6; }));
  }
  CHECK(!find_element(x.to(DType::I32, MemoryTag::Data), negative));
  const Tensor nan = Tensor::from(std::vector<float>{-std::numeric_limits<float>::quiet_NaN()}, {1});
  const auto found = find_element(nan, [](double value) { return std::isnan(value); });
  REQUIRE(found);
  CHECK(!std::signbit(found->value));
}
