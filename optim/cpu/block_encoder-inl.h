// Encodes blocks of blockwise8 beside other work, with AVX-512, which has registers for the constants of
// both.
#if defined(OCTET_OPTIM_CPU_BLOCK_ENCODER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCTET_OPTIM_CPU_BLOCK_ENCODER_INL_H_
#undef OCTET_OPTIM_CPU_BLOCK_ENCODER_INL_H_
#else
#define OCTET_OPTIM_CPU_BLOCK_ENCODER_INL_H_
#endif

#include <cstdint>
#include <type_traits>

#include <hwy/highway.h>
#include "optim/cpu/blockwise8-inl.h"
#include "optim/cpu/dither-inl.h"
#include "optim/cpu/nearest-inl.h"
#include "optim/cpu/quad-inl.h"
#include "optim/rules/slot.h"

HWY_BEFORE_NAMESPACE();
namespace octet::optim::HWY_NAMESPACE {

// How the values of a slot are rounded unless somebody asks for another way (GroupOptions). Only for that
// there is a loop.
constexpr bool dithers(const Slot& slot) { return slot.book == Book::Unsigned || slot.slow; }

// For all that has no block encoder.
struct NoEncoder {
  explicit NoEncoder(const Encoding&) {}
  static bool can(const Encoding&, const Reciprocal&) { return false; }
  void begin(const Encoding&, const float*, float, uint8_t*) {}
  template <int>
  void add(int) {}
  void finish(int) {}
};

#if HWY_TARGET == HWY_AVX3_DL
template <Book kBook, bool kDithers>
class BlockEncoder {
  using Encoder = std::conditional_t<kDithers, DitherEncoder<kBook, Map::Dynamic>, NearestEncoder<kBook>>;

 public:
  explicit BlockEncoder(const Encoding& how) : encoder_(how) {}

  static bool can(const Encoding& how, const Reciprocal& r) {
    return how.dithered == kDithers && !r.no_values && r.scale == 1;
  }
  // From here on the codes of a block's values, times `factor`.
  HWY_INLINE void begin(const Encoding& how, const float* values, float factor, uint8_t* codes) {
    if constexpr (kDithers) encoder_.begin(how.dither_key);
    values_ = values, factor_ = hn::Set(F32(), factor), stored_ = codes;
  }
  // Part kPart of the quad from element `first` on, after the parts before it, and the end of the quad.
  template <int kPart>
  HWY_INLINE void add(int first) {
    const VF x = hn::Load(F32(), values_ + first + kPart * kLanes);
    encoder_.template add<kPart>(hn::Mul(x, factor_), codes_);
  }
  HWY_INLINE void finish(int first) {
    hn::StoreU(encoder_.finish(codes_, values_ + first, factor_), U8(), stored_ + first);
  }

 private:
  Encoder encoder_;
  typename Encoder::Codes codes_{};
  const float* values_ = nullptr;
  VF factor_ = hn::Zero(F32());
  uint8_t* stored_ = nullptr;
};

template <class Codec, Book kBook, bool kDithers>
using EncoderBeside =
    std::conditional_t<Codec::values_per_stored == 1, BlockEncoder<kBook, kDithers>, NoEncoder>;
#else
template <class Codec, Book kBook, bool kDithers>
using EncoderBeside = NoEncoder;
#endif

}  // namespace octet::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
