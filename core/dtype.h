// Element types of tensors. F64 exists for gradient checks and reference runs, BF16 for storage.
#pragma once

#include <bit>
#include <cstdint>
#include <ostream>

#include "core/error.h"
#include "core/host_device.h"

namespace octet {

enum class DType : uint8_t { F32, F64, BF16, I32, I64, U8 };

// The upper half of a float32. Rounding is to nearest, ties to even; a NaN stays a NaN.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  OCTET_HD explicit BFloat16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    bits = (u & 0x7FFFFFFFu) > 0x7F800000u ? static_cast<uint16_t>((u >> 16) | 0x40u)
                                           : static_cast<uint16_t>((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
  }
  OCTET_HD explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

constexpr int64_t size_of(DType type) {
  switch (type) {
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::F64:
    case DType::I64:
      return 8;
    case DType::BF16:
      return 2;
    case DType::U8:
      return 1;
  }
  return 0;
}

constexpr const char* name_of(DType type) {
  switch (type) {
    case DType::F32:
      return "f32";
    case DType::F64:
      return "f64";
    case DType::BF16:
      return "bf16";
    case DType::I32:
      return "i32";
    case DType::I64:
      return "i64";
    case DType::U8:
      return "u8";
  }
  return "?";
}

inline std::ostream& operator<<(std::ostream& out, DType type) { return out << name_of(type); }

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::F32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::F64;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::BF16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::I32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::I64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::U8;
};
template <class T>
constexpr DType dtype_of = DTypeOf<std::remove_const_t<T>>::value;

constexpr bool is_floating(DType type) {
  return type == DType::F32 || type == DType::F64 || type == DType::BF16;
}

// The type that arithmetic on values of a type is done in, and that their gradient has.
constexpr DType computed_as(DType type) { return type == DType::BF16 ? DType::F32 : type; }

// Calls body(float{}) or body(double{}): the two types that arithmetic is written for.
template <class Body>
decltype(auto) with_float_type(DType type, const char* what, Body&& body) {
  if (type == DType::F32) return body(float{});
  require(type == DType::F64, what, ": needs f32 or f64, got ", type);
  return body(double{});
}

}  // namespace octet
