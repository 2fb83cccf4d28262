// Dropout: a vector of Philox blocks at a time.

#include "core/cpu/backend.h"
#include "core/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/dropout.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first: it includes this file once a target.
#include <hwy/highway.h>

#ifndef OCTET_DROPOUT_TYPES
#define OCTET_DROPOUT_TYPES
namespace octet::cpu {
template <class T>
struct DropoutRange {
  const T* x;
  T* y;
  int64_t begin, end, count;  // blocks of four elements; elements in all
  uint64_t key, first;
  uint32_t limit;  // a word below it is dropped
  T scale;
};
}  // namespace octet::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace octet::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// x * factor as 64 bits: the high and the low word of every lane.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void MultiplyWide(D d, V x, uint32_t factor, V& high, V& low) {
  const hn::Repartition<uint64_t, D> wide;
  const V m = hn::Set(d, factor);
  const auto even = hn::MulEven(x, m);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), m);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

// The words of the blocks first, first + 1, ... one after another, as many blocks as a vector has lanes.
template <class D>
HWY_INLINE void PhiloxBlocks(D d, uint64_t key, uint64_t first, uint32_t* words) {
  using V = hn::Vec<D>;
  // Within one call the low word of the counter may wrap; the lanes behind the wrap then carry.
  const V c = hn::Add(hn::Set(d, static_cast<uint32_t>(first)), hn::Iota(d, 0u));
  const V high_word = hn::Set(d, static_cast<uint32_t>(first >> 32));
  V c0 = c, c2 = hn::Zero(d), c3 = hn::Zero(d);
  V c1 = hn::IfThenElse(hn::Lt(c, hn::Set(d, static_cast<uint32_t>(first))),
                        hn::Add(high_word, hn::Set(d, 1u)), high_word);
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    V high0, low0, high1, low1;
    MultiplyWide(d, c0, 0xD2511F53u, high0, low0);
    MultiplyWide(d, c2, 0xCD9E8D57u, high1, low1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, words);
}

template <class T>
HWY_ATTR inline void Apply(const DropoutRange<T>& r) {
  const hn::ScalableTag<uint32_t> d;
  const auto blocks = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN uint32_t words[4 * HWY_MAX_BYTES / sizeof(uint32_t)];
  for (int64_t block = r.begin; block < r.end; block += blocks) {
    PhiloxBlocks(d, r.key, r.first + static_cast<uint64_t>(block), words);
    const int64_t begin = block * 4, end = std::min(std::min(block + blocks, r.end) * 4, r.count);
    const T *x = r.x + begin, scale = r.scale;
    T* y = r.y + begin;
    for (int64_t i = 0; i < end - begin; ++i) y[i] = words[i] >= r.limit ? x[i] * scale : T(0);
  }
}

void ApplyF32(const DropoutRange<float>& r) { Apply(r); }
void ApplyF64(const DropoutRange<double>& r) { Apply(r); }

}  // namespace octet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace octet::cpu {
namespace {

HWY_EXPORT(ApplyF32);
HWY_EXPORT(ApplyF64);

void apply_range(const DropoutRange<float>& r) { HWY_DYNAMIC_DISPATCH(ApplyF32)(r); }
void apply_range(const DropoutRange<double>& r) { HWY_DYNAMIC_DISPATCH(ApplyF64)(r); }

void apply(const Tensor& x, double p, uint64_t key, uint64_t first, const Tensor& y) {
  const auto limit = static_cast<uint32_t>(p * 0x1p32);
  with_float_type(x.dtype(), "dropout", [&](auto zero) {
    using T = decltype(zero);
    const DropoutRange<T> all = {
        x.data<T>(), y.data<T>(), 0, 0, x.numel(), key, first, limit, static_cast<T>(1 / (1 - p))};
    parallel_ranges((all.count + 3) / 4, 1 << 12, [&](int64_t begin, int64_t end) {
      DropoutRange<T> range = all;
      range.begin = begin;
      range.end = end;
      apply_range(range);
    });
  });
}

}  // namespace

DropoutKernels dropout_kernels() { return {.apply = apply}; }

}  // namespace octet::cpu
#endif
