// Coded state on the CPU, whatever the books: one value after another by look-ups, but for dithered codes.
// The dynamic 8-bit books have vector code of their own (blockwise8-inl.h, decode-inl.h).
#if defined(OCTET_OPTIM_CPU_CODED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODED_INL_H_
#undef OCTET_OPTIM_CPU_CODED_INL_H_
#else
#define OCTET_OPTIM_CPU_CODED_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include <hwy/highway.h>
#include "optim/code_cells.h"
#include "optim/cpu/blockwise8-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Codes of a block in memory: one a byte, or two, the first in the lower half.
template <class Codec>
void write_codes(const uint8_t* HWY_RESTRICT code, int count, uint8_t* HWY_RESTRICT stored) {
  if constexpr (Codec::values_per_stored == 1) {
    std::copy_n(code, count, stored);
  } else {
    for (int i = 0; i < count / 2; ++i) stored[i] = static_cast<uint8_t>(code[2 * i] | code[2 * i + 1] << 4);
    if (count % 2 != 0) stored[count / 2] = code[count - 1];
  }
}

template <class Codec, Book kBook>
void load_coded(const void* stored, const float* absmax, int count, void* x) {
  const auto* HWY_RESTRICT codes = static_cast<const uint8_t*>(stored);
  const float* HWY_RESTRICT value = codebook(kBook, Codec::map).value.data();
  auto* HWY_RESTRICT out = static_cast<float*>(x);
  const float scale = *absmax;
  if constexpr (Codec::values_per_stored == 1) {
    for (int i = 0; i < count; ++i) out[i] = value[codes[i]] * scale;
  } else {
    for (int i = 0; i < count / 2; ++i) {
      out[2 * i] = value[codes[i] & 15] * scale;
      out[2 * i + 1] = value[codes[i] >> 4] * scale;
    }
    if (count % 2 != 0) out[count - 1] = value[codes[count / 2] & 15] * scale;
  }
}

template <class Codec, Book kBook>
void store_coded(void* x, int count, const Encoding& how, void* stored, float* absmax) {
  auto* HWY_RESTRICT values = static_cast<float*>(x);
  HWY_ALIGN uint8_t code[kMaxBlock];
  if (!how.given_absmax) *absmax = largest_magnitude(values, count);
  const Reciprocal r(*absmax);
  if (r.no_values) {
    std::fill_n(code, count, zero_code(kBook, Codec::map));
  } else if (how.dithered) {
    for (int i = 0; i < count; ++i) values[i] *= r.scale;
    encode_all(values, r.factor, count, DitherEncoder<kBook, Codec::map>(how), code);
  } else {
    const auto& cells = code_cells<kBook, Codec::map>();
    for (int i = 0; i < count; ++i) code[i] = cells.code(values[i] * r.scale * r.factor, how.floor ? 1 : 0);
  }
  write_codes<Codec>(code, count, static_cast<uint8_t*>(stored));
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
