// Conversions between element types, and bfloat16.

#include <bit>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/tensor.h"
#include "tests/support/support.h"

using namespace octet;

namespace {

constexpr DType kTypes[] = {DType::F32, DType::F64, DType::BF16, DType::I32, DType::I64, DType::U8};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint16_t bits_of(float x) { return BFloat16(x).bits; }
float float_of(uint32_t bits) { return std::bit_cast<float>(bits); }

Tensor to(const Tensor& tensor, DType type) { return tensor.to(type, MemoryTag::Data); }

}  // namespace

TEST_CASE("every type converts to every other and back") {
  const std::vector<double> values = {0, 1, 2, 100, 128, 200, 255};  // all of them can hold these
  const Tensor exact = Tensor::from(values, {7});
  for (const DType from : kTypes)
    for (const DType into : kTypes) {
      CAPTURE(name_of(from));
      CAPTURE(name_of(into));
      const Tensor converted = to(to(exact, from), into);
      CHECK(converted.dtype() == into);
      CHECK(to(converted, DType::F64).to_vector<double>() == values);
      CHECK(!converted.shares_bytes_with(exact));
    }
}

TEST_CASE("fractions are cut off on the way to integers") {
  const Tensor x = Tensor::from(std::vector<float>{1.9f, -1.9f, 0.5f, -0.5f}, {4});
  CHECK(to(x, DType::I32).to_vector<int32_t>() == std::vector<int32_t>{1, -1, 0, 0});
  CHECK(to(x, DType::I64).to_vector<int64_t>() == std::vector<int64_t>{1, -1, 0, 0});
}

TEST_CASE("doubles round to the nearest float, large integers to the nearest floating number") {
  CHECK(to(Tensor::from(std::vector<double>{0.1}, {1}), DType::F32).item() == 0.1f);
  const int64_t large = (int64_t{1} << 53) + 1;
  const Tensor x = Tensor::from(std::vector<int64_t>{large}, {1});
  CHECK(to(x, DType::F64).to_vector<double>()[0] == std::ldexp(1.0, 53));
  CHECK(to(x, DType::F32).to_vector<float>()[0] == std::ldexp(1.0f, 53));
  CHECK(x.to_vector<int64_t>()[0] == large);
}

TEST_CASE("bfloat16 rounds to nearest, ties to even") {
  // Between neighbours a and b of every exponent: exactly the middle, and one float to either side of it.
  for (uint32_t upper = 0; upper < 0x7F7F; ++upper) {
    const uint32_t middle = (upper << 16) | 0x8000u;
    const auto even = static_cast<uint16_t>(upper + (upper & 1));
    const bool right = bits_of(float_of(upper << 16)) == upper && bits_of(float_of(middle)) == even &&
                       bits_of(float_of(middle - 1)) == upper && bits_of(float_of(middle + 1)) == upper + 1 &&
                       bits_of(-float_of(middle)) == (even | 0x8000u);
    CHECK_MESSAGE(right, "at bits " << upper);
    if (!right) break;
  }
}

TEST_CASE("bfloat16 keeps zeros, infinities and NaN, and overflows to infinity") {
  CHECK(bits_of(0.0f) == 0);
  CHECK(bits_of(-0.0f) == 0x8000);
  CHECK(static_cast<float>(BFloat16(kInfinity)) == kInfinity);
  CHECK(static_cast<float>(BFloat16(-kInfinity)) == -kInfinity);
  CHECK(static_cast<float>(BFloat16(std::numeric_limits<float>::max())) == kInfinity);
  CHECK(static_cast<float>(BFloat16(float_of(0x7F7F7FFF))) ==
        float_of(0x7F7F0000));  // the largest that stays
  // NaNs whose payload lies in the lower half alone must not become infinities, nor wrap around to zero.
  for (const uint32_t nan : {0x7F800001u, 0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu, 0x7FC00000u})
    CHECK(std::isnan(static_cast<float>(BFloat16(float_of(nan)))));
  CHECK(static_cast<float>(BFloat16(float_of(1))) == 0);                        // the smallest denormal
  CHECK(static_cast<float>(BFloat16(float_of(0x10000))) == float_of(0x10000));  // one of bfloat16's own
}

TEST_CASE("tensors of bfloat16 hold what the scalar conversion gives") {
  std::vector<float> values = {0.1f, -3.14159f, 1e-40f, 1e38f, kInfinity, float_of(0x7F800001u)};
  const std::vector<BFloat16> stored = to(Tensor::from(values, {6}), DType::BF16).to_vector<BFloat16>();
  for (size_t i = 0; i < values.size(); ++i) CHECK(stored[i].bits == bits_of(values[i]));
  const Tensor back = to(to(Tensor::from(values, {6}), DType::BF16), DType::F32);
  CHECK(back.to_vector<float>()[0] == static_cast<float>(stored[0]));
  CHECK(std::isnan(back.to_vector<float>()[5]));
}

TEST_CASE("doubles become bfloat16 through float32") {
  // 1 + 2^-8 + 2^-40 lies above the middle, but float32 puts it there: the tie goes to even.
  const Tensor x = Tensor::from(std::vector<double>{1 + 0x1p-8 + 0x1p-40, 1 + 3 * 0x1p-8}, {2});
  CHECK(to(to(x, DType::BF16), DType::F64).to_vector<double>() == std::vector<double>{1, 1 + 0x1p-6});
}
