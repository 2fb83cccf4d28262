// Dithered codes (see optim/dither_pieces.h, dither.h) of n: finite values divided by their block's largest,
// so at most 1 (and an ulp) large; not negative in the unsigned book.
#if defined(OCTET_OPTIM_CPU_DITHER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_DITHER_INL_H_
#undef OCTET_OPTIM_CPU_DITHER_INL_H_
#else
#define OCTET_OPTIM_CPU_DITHER_INL_H_
#endif

#include <cstdint>
#include <type_traits>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/noise-inl.h"
#include "optim/cpu/pieces-inl.h"
#include "optim/cpu/quad-inl.h"
#include "optim/dither_pieces.h"
#include "optim/step.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// Each call is for the values after those of the last.
template <Book kBook, Map kMap>
class DitherEncoder {
 public:
  explicit DitherEncoder(const Encoding& how) : DitherEncoder(dither_pieces(kBook, kMap), how) {}

  // Of the quad of values from x on, times r.
  HWY_INLINE VB operator()(const float* HWY_RESTRICT x, VF r) {
    const U8 u8;
    Quad n;
    VB magnitude;
    each_part([&](auto part) HWY_ATTR {
      n.part[part] = hn::Mul(hn::LoadU(F32(), x + part * kLanes), r);
      add_bytes<kFraction, part>(noisy_place(n.part[part]), magnitude);
    });
    if constexpr (kMap == Map::Powers4) {  // above an exponent's base
      constexpr uint8_t kTop = top_magnitude(kBook, kMap);
      magnitude = hn::Min(hn::Sub(magnitude, hn::Set(u8, 127 - kTop)), hn::Set(u8, kTop));
    }
    return in_order(codes_of<kBook, kMap>(magnitude, n, floor_));
  }

#if HWY_TARGET == HWY_AVX3_DL
  // From here on with the noise of the value that has this key.
  HWY_INLINE void begin(uint32_t key) { noise_ = VectorNoise(key); }
  // As in NearestEncoder.
  struct Codes {
    VB bytes;
  };
  template <int kPart>
  HWY_INLINE void add(VF n, Codes& codes) {
    static_assert(kMap != Map::Powers4, "has another place, and a base to subtract");
    add_bytes<kPlaceBits, kPart>(noisy_place(n), codes.bytes);
  }
  HWY_INLINE VB finish(const Codes& codes, const float* x, VF r) const {
    return in_order(codes_of<kBook, kMap>(codes.bytes, scaled_quad(x, r), floor_));
  }
#endif

 private:
  static constexpr int kFraction = kMap == Map::Powers4 ? 23 : kPlaceBits;  // bits below the code

  DitherEncoder(const DitherPieces& pieces, const Encoding& how)
      : piece_(pieces),
        slope_(pieces.slope),
        offset_(pieces.offset),
        gap_slope_(pieces.gap_slope),
        gap_offset_(pieces.gap_offset),
        floor_(how.floor),
        noise_(how.dither_key) {}

  // The magnitude, or the exponent, above its fraction.
  HWY_INLINE VI noisy_place(VF n) {
    const F32 f;
    const VF x = kBook == Book::Signed ? hn::Abs(n) : n;
    VF place;
    if constexpr (kMap == Map::Powers4) {
      // power_place() of dither_pieces.h; half of x is exact, so fused or not is the same.
      constexpr float kLeast = power_of_two(1 - top_magnitude(kBook, kMap));
      place = hn::Max(x, hn::MulAdd(x, hn::Set(f, 0.5f), hn::Set(f, 0.5f * kLeast)));
    } else {
      const VI piece = piece_(x);
      place =
          hn::Min(fused(slope_(piece), x, offset_(piece)), fused(gap_slope_(piece), x, gap_offset_(piece)));
    }
    return hn::BitCast(I32(),
                       hn::Add(hn::BitCast(U32(), place), hn::ShiftRight<32 - kFraction>(noise_.next())));
  }

  using Finder =
      std::conditional_t<kMap == Map::Dynamic, PieceFinder<DitherPieces, kBook>, PieceCounter<DitherPieces>>;
  Finder piece_;
  Table8 slope_, offset_, gap_slope_, gap_offset_;
  bool floor_;
  VectorNoise noise_;
};

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
