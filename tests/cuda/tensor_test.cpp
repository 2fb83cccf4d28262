#include "core/tensor.h"

#include <cmath>
#include <limits>

#include "core/backend.h"
#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

const Device kGpu = Device::cuda();
const MemoryTag kTag = MemoryTag::Data;

std::vector<float> counting(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i) - 3.5f);
  return values;
}

}  // namespace

TEST_CASE("values go to the GPU and come back as they were, in every type and number") {
  const auto round_trip = [](auto value) {
    using T = decltype(value);
    for (const int64_t count : {0, 1, 3, 1000, 1 << 22}) {
      std::vector<T> values(static_cast<size_t>(count), value);
      for (size_t i = 0; i < values.size(); i += 7) values[i] = T{};
      const Tensor gpu = Tensor::from(values, {count}, kGpu);
      CHECK(gpu.device() == kGpu);
      CHECK((gpu.to_vector<T>() == values));
      CHECK((gpu.to(Device::cpu(), kTag).template to_vector<T>() == values));
      CHECK((Tensor::from(values, {count}).to(kGpu, kTag).template to_vector<T>() == values));
    }
  };
  round_trip(1.5f);
  round_trip(0.1);
  round_trip(int32_t{-5});
  round_trip(int64_t{1} << 40);
  round_trip(uint8_t{200});
}

TEST_CASE("host values may change as soon as they were handed over") {
  std::vector<Tensor> tensors;
  std::vector<float> values(1 << 20);
  for (int i = 0; i < 40; ++i) {  // more than a ring of staging buffers holds
    std::fill(values.begin(), values.end(), static_cast<float>(i));
    tensors.push_back(Tensor::from(values, {1 << 20}, kGpu));
  }
  std::fill(values.begin(), values.end(), -1.0f);
  for (int i = 0; i < 40; ++i)
    CHECK((tensors[static_cast<size_t>(i)].to_vector<float>() ==
           std::vector<float>(1 << 20, static_cast<float>(i))));
}

TEST_CASE("a copy to memory that is still in use waits for its turn") {
  // The same bytes again and again: upload, use, upload. A copy that overtook its use would change the sum.
  const int64_t count = 1 << 20;
  const Tensor total = Tensor::zeros({count}, DType::F32, kGpu, kTag);
  for (int i = 1; i <= 50; ++i) {
    const Tensor x =
        Tensor::from(std::vector<float>(static_cast<size_t>(count), static_cast<float>(i)), {count}, kGpu);
    kernels(kGpu).pointwise.accumulate(x, total);
  }
  CHECK((total.to_vector<float>() == std::vector<float>(static_cast<size_t>(count), 1275.0f)));
}

TEST_CASE("slices and reshapes on the GPU share bytes, also where a slice is not aligned") {
  const Tensor a = Tensor::from(counting(21), {7, 3}, kGpu);
  const Tensor rows = a.slice_rows(1, 3);
  CHECK(rows.shares_bytes_with(a));
  CHECK(rows.to_vector<float>() == std::vector<float>{-0.5, 0.5, 1.5, 2.5, 3.5, 4.5});
  CHECK(a.slice_rows(7, 7).to_vector<float>().empty());
  rows.slice_rows(1, 2).fill(-1);
  std::vector<float> expected = counting(21);
  std::fill(expected.begin() + 6, expected.begin() + 9, -1.0f);
  CHECK(a.reshape({21}).to_vector<float>() == expected);
  CHECK(a.reshape({21}).slice_rows(5, 6).item() == 1.5);
  // Every offset and length that vector loads could trip over.
  const Tensor y = Tensor::zeros({40}, DType::F32, kGpu, kTag);
  for (int64_t begin = 0; begin < 9; ++begin)
    for (int64_t end = begin; end < 21; ++end) {
      const Tensor part = a.reshape({21}).slice_rows(begin, end), to = y.slice_rows(3, 3 + end - begin);
      y.fill(7);
      to.copy_from(part);
      CHECK(to.to_vector<float>() == std::vector<float>(expected.begin() + begin, expected.begin() + end));
      CHECK(y.slice_rows(0, 3).to_vector<float>() == std::vector<float>(3, 7));
      CHECK(y.slice_rows(3 + end - begin, 40).to_vector<float>() ==
            std::vector<float>(static_cast<size_t>(37 - end + begin), 7));
    }
}

TEST_CASE("fill, zeros, full, clone and item work on the GPU in every type") {
  for (const DType dtype : {DType::F32, DType::F64, DType::BF16, DType::I32, DType::I64, DType::U8}) {
    CAPTURE(dtype);
    CHECK(Tensor::full({}, 5, dtype, kGpu, kTag).item() == 5);
    const Tensor x = Tensor::zeros({1000}, dtype, kGpu, kTag);
    CHECK(x.slice_rows(999, 1000).item() == 0);
    const Tensor copy = x.clone(kTag);
    x.fill(3);
    CHECK(x.slice_rows(0, 1).item() == 3);
    CHECK(x.slice_rows(999, 1000).item() == 3);
    CHECK(copy.slice_rows(500, 501).item() == 0);
  }
  CHECK(std::isnan(Tensor::full({2}, std::nan(""), DType::F32, kGpu, kTag).slice_rows(1, 2).item()));
  CHECK(
      Tensor::full({int64_t{3} << 24}, 1, DType::U8, kGpu, kTag).slice_rows((3 << 24) - 1, 3 << 24).item() ==
      1);
}

TEST_CASE("conversions on the GPU round as those of the CPU") {
  std::vector<double> values = {0,    -0.0, 1,          -1,         0.1,   -0.1,  3.14159, 255,
                                -2.5, 1e-3, 1.00390625, 1.01171875, 100.4, 126.9, 65537};
  for (int i = 0; i < 5000; ++i) values.push_back(std::sin(i) * 100);
  const auto count = static_cast<int64_t>(values.size());
  const Tensor cpu = Tensor::from(values, {count}), gpu = cpu.to(kGpu, kTag);
  for (const DType first : {DType::F32, DType::BF16, DType::F64, DType::I32, DType::I64})
    for (const DType second : {DType::F32, DType::BF16, DType::F64, DType::I32, DType::I64}) {
      CAPTURE(first);
      CAPTURE(second);
      const auto converted = [&](const Tensor& x) {
        return x.to(first, kTag).to(second, kTag).to(Device::cpu(), kTag).to(DType::F64, kTag);
      };
      CHECK((converted(gpu).to_vector<double>() == converted(cpu).to_vector<double>()));
    }
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor special = Tensor::from(std::vector<double>{infinity, -infinity, 1e300}, {3}, kGpu);
  for (const DType dtype : {DType::F32, DType::BF16})
    CHECK(special.to(dtype, kTag).to(DType::F64, kTag).to_vector<double>() ==
          std::vector<double>{infinity, -infinity, infinity});
  const Tensor there = Tensor::empty({count}, DType::F32, kGpu, kTag);
  CHECK_ERROR(ErrorKind::Usage, "types differ across devices", there.copy_from(cpu));
}

TEST_CASE("a tensor of the GPU is not read by the host, and says so") {
  const Tensor x = Tensor::zeros({3}, DType::F32, kGpu, kTag);
  CHECK_ERROR(ErrorKind::Usage, "cuda:0", x.span<float>());
}

TEST_CASE("more than 2^31 elements are filled to the last one") {
  const int64_t count = (int64_t{1} << 31) + 5;
  Tensor x;
  try {
    x = Tensor::empty({count}, DType::U8, kGpu, kTag);
  } catch (const Error&) {
    return octet::testing::skip_case("the GPU has not the 2 GiB to spare");
  }
  x.fill(9);
  for (const int64_t i : {int64_t{0}, (int64_t{1} << 31) - 1, count - 1})
    CHECK(x.slice_rows(i, i + 1).item() == 9);
}
