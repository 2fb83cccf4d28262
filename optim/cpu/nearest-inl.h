// The code nearest to each of n: finite values divided by their block's largest, so at most 1 (and an ulp)
// large; not negative in the unsigned book.
#if defined(OCTET_OPTIM_CPU_NEAREST_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_NEAREST_INL_H_
#undef OCTET_OPTIM_CPU_NEAREST_INL_H_
#else
#define OCTET_OPTIM_CPU_NEAREST_INL_H_
#endif

#include <bit>
#include <cmath>
#include <cstdint>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/pieces-inl.h"
#include "optim/cpu/quad-inl.h"
#include "optim/cpu/signed_lines.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

#if HWY_TARGET != HWY_AVX3_DL
// By linear pieces (see optim/codebook.h).
template <Book kBook>
class NearestEncoder {
 public:
  explicit NearestEncoder(const Encoding& how) : NearestEncoder(linear_pieces(kBook), how.floor) {}

  // Of the quad of values from x on, times r.
  HWY_INLINE VB operator()(const float* HWY_RESTRICT x, VF r) const {
    const U16 u16;
    Quad n;
    VB magnitude;
    auto least = hn::Set(u16, 0xFFFF);
    each_part([&](auto part) HWY_ATTR {
      n.part[part] = hn::Mul(hn::LoadU(F32(), x + part * kLanes), r);
      const VI place = place_of(n.part[part]);
      add_bytes<16, part>(place, magnitude);
      least = hn::Min(least, hn::BitCast(u16, place));
    });
    const auto at_border = hn::Eq(hn::Min(least, hn::Set(u16, kClose)), least);
    if (HWY_UNLIKELY(!hn::AllFalse(u16, at_border))) magnitude = exact(x, r);
    return in_order(codes_of<kBook, Map::Dynamic>(magnitude, n, floor_));
  }

 private:
  using U16 = hn::Repartition<uint16_t, F32>;
  static constexpr int kUp = kBook == Book::Signed ? 0 : 1;  // bits from the magnitude to the third byte
  // Twice the tolerance, in the lower half of a place; the upper half is larger.
  static constexpr uint16_t kClose =
      static_cast<uint16_t>(2 * kLineTolerance / line_base(kBook) * static_cast<float>(1 << (23 + kUp)));

  NearestEncoder(const LinearPieces& pieces, bool floor)
      : piece_(pieces), slope_(pieces.slope), offset_(pieces.offset), limit_(pieces.limit), floor_(floor) {}

  // The magnitude in the third byte, above its fraction.
  HWY_INLINE VI place_of(VF n) const {
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VI piece = piece_(x);
    const VF y = hn::Min(hn::MulAdd(slope_(piece), x, offset_(piece)), limit_(piece));
    return hn::ShiftLeft<kUp>(hn::BitCast(I32(), y));
  }

  // The magnitudes of a quad of which some are near a border; the table of borders tells. By an encoder of
  // its own, so that nothing of the caller's must lie in memory.
  static HWY_NOINLINE VB exact(const float* x, VF r) {
    const Codebook& book = codebook(kBook);
    const NearestEncoder encoder{Encoding()};
    const Quad n = scaled_quad(x, r);
    QuadBits out;
    for (int p = 0; p < 4; ++p) {
      out.part[p] = encoder.place_of(n.part[p]);
      HWY_ALIGN float value[hn::MaxLanes(F32())];
      HWY_ALIGN int32_t bits[hn::MaxLanes(F32())];
      hn::Store(n.part[p], F32(), value);
      hn::Store(out.part[p], I32(), bits);
      for (size_t lane = 0; lane < hn::Lanes(F32()); ++lane) {
        const auto m = static_cast<size_t>(bits[lane] >> 16 & 255);
        if ((bits[lane] & 0xFFFF) <= kClose && std::fabs(value[lane]) < book.lower[m]) bits[lane] -= 1 << 16;
      }
      out.part[p] = hn::Load(I32(), bits);
    }
    return bytes_of<16>(out);
  }

  PieceFinder<LinearPieces, kBook> piece_;
  Table8 slope_, offset_, limit_;
  bool floor_;
};
#else
// By the same lines, which in the signed book know the sign. Here and in dither-inl.h the codes of a quad can
// be found one vector after another, for a loop that has more to do than that.
template <Book kBook>
class NearestEncoder {
 public:
  explicit NearestEncoder(const Encoding& how) : NearestEncoder(lines(), how.floor) {}

  // What is known of a quad: codes, and lanes in which all of them are certain.
  struct Codes {
    VB bytes;
    __mmask16 far;
  };

  // n: part kPart, after the parts before it.
  template <int kPart>
  HWY_INLINE void add(VF n, Codes& codes) const {
    const VI place = place_of(n);
    const __m512i fraction = _mm512_set1_epi32(SignedLines::kFar);
    add_bytes<SignedLines::kBits, kPart>(place, codes.bytes);
    codes.far = kPart == 0 ? _mm512_test_epi32_mask(place.raw, fraction)
                           : _mm512_mask_test_epi32_mask(codes.far, place.raw, fraction);
  }
  // The codes of the quad of values from x on, times r, whose parts were added.
  HWY_INLINE VB finish(const Codes& codes, const float* x, VF r) const {
    VB out = codes.bytes;
    if (HWY_UNLIKELY(codes.far != 0xFFFF)) out = exact(x, r);
    return in_order(kBook == Book::Signed ? out
                                          : codes_of<kBook, Map::Dynamic>(out, scaled_quad(x, r), floor_));
  }

  HWY_INLINE VB operator()(const float* HWY_RESTRICT x, VF r) const {
    const Quad n = scaled_quad(x, r);
    Codes codes;
    add<0>(n.part[0], codes), add<1>(n.part[1], codes), add<2>(n.part[2], codes), add<3>(n.part[3], codes);
    return finish(codes, x, r);
  }

 private:
  static_assert(line_base(Book::Unsigned) == 1 << (23 - SignedLines::kBits),
                "fractions as those of SignedLines");

  NearestEncoder(const SignedLines& lines, bool)
      : piece_(lines.octaves), slope_(lines.slope), offset_(lines.offset), limit_(lines.last) {}
  NearestEncoder(const LinearPieces& lines, bool floor)
      : piece_(lines), slope_(lines.slope), offset_(lines.offset), limit_(lines.limit), floor_(floor) {}

  static const auto& lines() {
    if constexpr (kBook == Book::Signed) {
      static const SignedLines lines;
      return lines;
    } else {
      return linear_pieces(kBook);
    }
  }

  // The code above its fraction.
  HWY_INLINE VI place_of(VF n) const {
    const VI line = piece_(n);
    if constexpr (kBook == Book::Signed) {
      const VF x{_mm512_range_ps(n.raw, limit_(line).raw, 2)};  // the smaller magnitude with the sign of n
      return hn::BitCast(I32(), hn::MulAdd(slope_(line), x, offset_(line)));
    } else {
      return hn::BitCast(I32(), hn::Min(hn::MulAdd(slope_(line), n, offset_(line)), limit_(line)));
    }
  }

  // The codes of a quad of which some are near a border; the table of borders tells. An encoder of its own
  // leaves that of the caller in registers.
  static HWY_NOINLINE VB exact(const float* x, VF r) {
    const Codebook& book = codebook(kBook);
    const NearestEncoder encoder{Encoding()};
    QuadBits out;
    for (int p = 0; p < 4; ++p) {
      const VF n = hn::Mul(hn::LoadU(F32(), x + p * 16), r);
      out.part[p] = encoder.place_of(n);
      HWY_ALIGN float value[16];
      HWY_ALIGN int32_t place[16];
      hn::Store(n, F32(), value);
      hn::Store(out.part[p], I32(), place);
      unsigned high = 0;  // lanes
      for (unsigned close = _mm512_testn_epi32_mask(out.part[p].raw, _mm512_set1_epi32(SignedLines::kFar));
           close != 0; close &= close - 1) {
        const int lane = std::countr_zero(close);
        const auto code = static_cast<uint8_t>(place[lane] >> SignedLines::kBits);
        high |= unsigned{is_high(book, code, value[lane])} << lane;
      }
      out.part[p].raw = _mm512_mask_sub_epi32(out.part[p].raw, static_cast<__mmask16>(high), out.part[p].raw,
                                              _mm512_set1_epi32(1 << SignedLines::kBits));
    }
    return bytes_of<SignedLines::kBits>(out);
  }
  static bool is_high(const Codebook& book, uint8_t code, float x) {
    return kBook == Book::Signed ? SignedLines::is_high(book, code, x) : x < book.lower[code];
  }

  PieceFinder<LinearPieces, kBook> piece_;
  Table8 slope_, offset_, limit_;
  bool floor_ = false;
};
#endif

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
