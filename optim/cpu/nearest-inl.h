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
#include <type_traits>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/pieces-inl.h"
#include "optim/cpu/quad-inl.h"
#include "optim/cpu/signed_lines.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// By linear pieces (see optim/codebook.h).
template <Book kBook>
class Encoder {
 public:
  explicit Encoder(const Encoding& how) : Encoder(linear_pieces(kBook), how.floor) {}

  HWY_INLINE VB operator()(const Quad& n) const {
    const U16 u16;
    QuadBits place;
    for (int p = 0; p < 4; ++p) place.part[p] = place_of(n.part[p]);
    VB magnitude = bytes_of<16>(place);
    const auto low = [&](int p) { return hn::BitCast(u16, place.part[p]); };
    const auto least = hn::Min(hn::Min(low(0), low(1)), hn::Min(low(2), low(3)));
    const auto at_border = hn::Eq(hn::Min(least, hn::Set(u16, kClose)), least);
    if (HWY_UNLIKELY(!hn::AllFalse(u16, at_border))) magnitude = exact(n, place);
    return in_order(codes_of<kBook, Map::Dynamic>(magnitude, n, floor_));
  }

 private:
  using U16 = hn::Repartition<uint16_t, F32>;
  static constexpr int kUp = kBook == Book::Signed ? 0 : 1;  // bits from the magnitude to the third byte
  // Twice the tolerance, in the lower half of a place; the upper half is larger.
  static constexpr uint16_t kClose =
      static_cast<uint16_t>(2 * kLineTolerance / line_base(kBook) * static_cast<float>(1 << (23 + kUp)));

  Encoder(const LinearPieces& pieces, bool floor)
      : piece_(pieces), slope_(pieces.slope), offset_(pieces.offset), limit_(pieces.limit), floor_(floor) {}

  // The magnitude in the third byte, above its fraction.
  HWY_INLINE VI place_of(VF n) const {
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    const VI piece = piece_(x);
    const VF y = hn::Min(hn::MulAdd(slope_(piece), x, offset_(piece)), limit_(piece));
    return hn::ShiftLeft<kUp>(hn::BitCast(I32(), y));
  }

  // The magnitudes of places of which some may be one too high; the table of borders tells.
  static HWY_NOINLINE VB exact(const Quad& n, const QuadBits& place) {
    const F32 f;
    const I32 i;
    const Codebook& book = codebook(kBook);
    HWY_ALIGN float value[hn::MaxLanes(F32())];
    HWY_ALIGN int32_t bits[hn::MaxLanes(F32())];
    QuadBits out;
    for (int p = 0; p < 4; ++p) {
      hn::Store(n.part[p], f, value);
      hn::Store(place.part[p], i, bits);
      for (size_t lane = 0; lane < hn::Lanes(f); ++lane) {
        const auto m = static_cast<size_t>(bits[lane] >> 16 & 255);
        if ((bits[lane] & 0xFFFF) <= kClose && std::fabs(value[lane]) < book.lower[m]) bits[lane] -= 1 << 16;
      }
      out.part[p] = hn::Load(i, bits);
    }
    return bytes_of<16>(out);
  }

  PieceFinder<LinearPieces, kBook> piece_;
  Table8 slope_, offset_, limit_;
  bool floor_;
};

#if HWY_TARGET == HWY_AVX3_DL
// The same for the signed book, by lines that know the sign.
class SignedEncoder {
 public:
  explicit SignedEncoder(const Encoding&) : SignedEncoder(lines()) {}

  HWY_INLINE VB operator()(const Quad& n) const {
    QuadBits place;
    for (int p = 0; p < 4; ++p) place.part[p] = place_of(n.part[p]);
    const __m512i fraction = _mm512_set1_epi32(SignedLines::kFar);
    __mmask16 far = _mm512_test_epi32_mask(place.part[0].raw, fraction);
    for (int p = 1; p < 4; ++p) far = _mm512_mask_test_epi32_mask(far, place.part[p].raw, fraction);
    const VB codes = in_order(bytes_of<SignedLines::kBits>(place));
    return HWY_LIKELY(far == 0xFFFF) ? codes : exact(codes, n, place);
  }

 private:
  explicit SignedEncoder(const SignedLines& lines)
      : piece_(lines.octaves), slope_(lines.slope), offset_(lines.offset), last_(lines.last) {}

  static const SignedLines& lines() {
    static const SignedLines lines;
    return lines;
  }

  // The code above its fraction.
  HWY_INLINE VI place_of(VF n) const {
    const VI line = piece_(n);
    const VF x{_mm512_range_ps(n.raw, last_(line).raw, 2)};  // the smaller magnitude with the sign of n
    return hn::BitCast(I32(), hn::MulAdd(slope_(line), x, offset_(line)));
  }

  static HWY_NOINLINE VB exact(VB codes, const Quad& n, const QuadBits& place) {
    const Codebook& book = codebook(Book::Signed);
    HWY_ALIGN uint8_t code[kQuad];
    HWY_ALIGN float value[16];
    hn::Store(codes, U8(), code);
    for (int p = 0; p < 4; ++p) {
      hn::Store(n.part[p], F32(), value);
      unsigned close = _mm512_testn_epi32_mask(place.part[p].raw, _mm512_set1_epi32(SignedLines::kFar));
      for (; close != 0; close &= close - 1) {
        const int lane = std::countr_zero(close);
        code[16 * p + lane] = SignedLines::exact(book, code[16 * p + lane], value[lane]);
      }
    }
    return hn::Load(U8(), code);
  }

  PieceFinder<LinearPieces, Book::Signed> piece_;
  Table8 slope_, offset_, last_;
};

template <Book kBook>
using NearestEncoder = std::conditional_t<kBook == Book::Signed, SignedEncoder, Encoder<kBook>>;
#else
template <Book kBook>
using NearestEncoder = Encoder<kBook>;
#endif

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
