// Which of eight pieces of [0, 1] a value belongs to, and the constants of its piece: what both ways to
// encode by the dynamic books begin with.
#if defined(OCTET_OPTIM_CPU_PIECES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_PIECES_INL_H_
#undef OCTET_OPTIM_CPU_PIECES_INL_H_
#else
#define OCTET_OPTIM_CPU_PIECES_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>
#include "optim/codebook.h"
#include "optim/cpu/octaves.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using U32 = hn::RebindToUnsigned<F32>;
using VF = hn::Vec<F32>;
using VI = hn::Vec<I32>;

// Looks up one of eight floats for each lane, by the lowest three bits of its index; with 16 lanes one of 16,
// by four bits, where a table of eight stands twice.
class Table8 {
 public:
  explicit Table8(const float* table)
      : low_(hn::Load(F32(), table)), high_(hn::Load(F32(), table + (kSplit ? hn::Lanes(F32()) : 0))) {}
  HWY_INLINE VF operator()(VI index) const {
    const F32 f;
    const I32 i;
    // The instructions behind TableLookupLanes ignore the bits above.
    if constexpr (!kSplit) return hn::TableLookupLanes(low_, Indices{index.raw});
    const auto within = hn::IndicesFromVec(f, hn::And(index, hn::Set(i, 3)));
    const auto upper = hn::RebindMask(f, hn::TestBit(index, hn::Set(i, 4)));
    return hn::IfThenElse(upper, hn::TableLookupLanes(high_, within), hn::TableLookupLanes(low_, within));
  }

 private:
  using Indices = decltype(hn::IndicesFromVec(F32(), VI()));
  static constexpr bool kSplit = hn::MaxLanes(F32()) < 8;  // four lanes see half of the table at a time
  VF low_, high_;
};

// The piece of x: at most 1 and an ulp large, not negative. Thresholds: in either of the tables of a book.
#if HWY_TARGET == HWY_AVX3_DL
// Octaves::piece, for 16 floats. Of one with a sign: the piece of its magnitude, and 8 more.
template <class Pieces, Book kBook>
class PieceFinder {
 public:
  explicit PieceFinder(const Pieces& pieces) : PieceFinder(octaves_of(pieces)) {}
  explicit PieceFinder(const Octaves& octaves)
      : low_(_mm512_load_si512(octaves.missing)), high_(_mm512_load_si512(octaves.missing + 16)) {}

  HWY_INLINE VI operator()(VF x) const {
    // The larger magnitude with the sign of x.
    const __m512i bits = _mm512_castps_si512(_mm512_range_ps(x.raw, _mm512_set1_ps(Octaves::kLeast), 3));
    const __m512i missing = _mm512_permutex2var_epi32(low_, _mm512_srli_epi32(bits, 23), high_);
    return VI{_mm512_rol_epi32(_mm512_add_epi32(bits, missing), 4)};
  }

 private:
  static const Octaves& octaves_of(const Pieces& pieces) {
    static const Octaves octaves(pieces.threshold);
    return octaves;
  }

  __m512i low_, high_;
};
#else
// By decades: a guess that is at most one too low, and a threshold (see LinearPieces).
template <class Pieces, Book kBook>
class PieceFinder {
 public:
  explicit PieceFinder(const Pieces& pieces) : threshold_(pieces.threshold) {}
  HWY_INLINE VI operator()(VF x) const {
    const F32 f;
    const I32 i;
    // 1.5 * 2^23: adding it rounds to an integer, and puts that into the lowest bits.
    constexpr float kShift = 12582912.0f;
    const VF guess = hn::MulAdd(hn::ConvertTo(f, hn::BitCast(i, x)), hn::Set(f, kPieceScale),
                                hn::Set(f, kShift + kPieceOffset));
    const VI piece = hn::BitCast(i, hn::Max(guess, hn::Set(f, kShift)));
    // A mask is -1 where it is true.
    return hn::Sub(piece, hn::BitCast(i, hn::VecFromMask(f, hn::Ge(x, threshold_(piece)))));
  }

 private:
  Table8 threshold_;
};
#endif

// The same whatever the thresholds are.
template <class Pieces>
class PieceCounter {
 public:
  explicit PieceCounter(const Pieces& pieces) : threshold_(pieces.threshold) {}
  HWY_INLINE VI operator()(VF x) const {
    const F32 f;
    const I32 i;
    VI piece = hn::Zero(i);
    for (int p = 0; p + 1 < Pieces::kPieces; ++p)  // a mask is -1 where it is true
      piece = hn::Sub(piece, hn::BitCast(i, hn::VecFromMask(f, hn::Ge(x, hn::Set(f, threshold_[p])))));
    return piece;
  }

 private:
  const float* threshold_;
};

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
