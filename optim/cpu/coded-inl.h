// Coded state on the CPU, whatever the books: one value after another by look-ups, but for dithered codes.
// The dynamic 8-bit books have vector code of their own (blockwise8-inl.h, decode-inl.h).
#if defined(OCTET_OPTIM_CPU_CODED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_CODED_INL_H_
#undef OCTET_OPTIM_CPU_CODED_INL_H_
#else
#define OCTET_OPTIM_CPU_CODED_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>
#include "optim/code_cells.h"
#include "optim/cpu/blockwise8-inl.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Codes one after another in memory: one a byte, or two, the first in the lower half.
template <int kPerByte>
struct Codes;
template <>
struct Codes<1> {
  static int get(const uint8_t* codes, int i) { return codes[i]; }
  static void set(uint8_t* codes, int i, uint8_t code) { codes[i] = code; }
};
template <>
struct Codes<2> {
  static int get(const uint8_t* codes, int i) { return (codes[i / 2] >> (i % 2 * 4)) & 15; }
  static void set(uint8_t* codes, int i, uint8_t code) {  // in ascending order
    codes[i / 2] = i % 2 == 0 ? code : static_cast<uint8_t>(codes[i / 2] | code << 4);
  }
};

template <class Codec, Book kBook>
void load_coded(const void* stored, const float* absmax, int count, void* x) {
  const auto* codes = static_cast<const uint8_t*>(stored);
  const float* value = codebook(kBook, Codec::map).value.data();
  for (int i = 0; i < count; ++i)
    static_cast<float*>(x)[i] = value[Codes<Codec::values_per_stored>::get(codes, i)] * *absmax;
}

template <class Codec, Book kBook>
void store_coded(void* x, int count, const Encoding& how, void* stored, float* absmax) {
  using Out = Codes<Codec::values_per_stored>;
  auto* values = static_cast<float*>(x);
  auto* codes = static_cast<uint8_t*>(stored);
  if (!how.given_absmax) *absmax = largest_magnitude(values, count);
  const Reciprocal r(*absmax);
  if (r.no_values) {
    for (int i = 0; i < count; ++i) Out::set(codes, i, zero_code(kBook, Codec::map));
    return;
  }
  if (how.dithered) {
    uint8_t buffer[kMaxBlock];
    if constexpr (Codec::map == Map::Powers4) {
      static constexpr DitherPieces kNoPieces{};  // powers of two need none
      for (int i = 0; i < count; ++i)
        buffer[i] = dithered_code<kBook, Codec::map>(kNoPieces, values[i] * r.scale * r.factor,
                                                     dither_bits(how.dither_key, static_cast<uint32_t>(i)),
                                                     how.floor);
    } else {
      for (int i = 0; i < count; ++i) values[i] *= r.scale;
      encode_all(values, r.factor, count, DitherEncoder<kBook, Codec::map>(how), buffer);
    }
    for (int i = 0; i < count; ++i) Out::set(codes, i, buffer[i]);
  } else {
    const auto& cells = code_cells<kBook, Codec::map>();
    for (int i = 0; i < count; ++i)
      Out::set(codes, i, cells.code(values[i] * r.scale * r.factor, how.floor ? 1 : 0));
  }
}

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
