// Dropout: sixteen blocks of Philox at a time, in plain loops that the compiler turns into vectors at each
// CPU level.

#include "core/cpu/backend.h"
#include "core/cpu/thread_pool.h"
#include "core/philox.h"

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
  int64_t begin, end, count;   // blocks of four elements; elements in all
  uint64_t key, first, limit;  // a word below the limit is dropped
  T scale;
};
constexpr int64_t kPhiloxLanes = 16;
}  // namespace octet::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace octet::cpu::HWY_NAMESPACE {

// philox_block for the blocks first .. first + 15: words[w][lane] is word w of block first + lane.
HWY_ATTR inline void PhiloxBlocks(uint64_t key, uint64_t first, uint32_t words[4][kPhiloxLanes]) {
  uint32_t* const c0 = words[0];
  uint32_t* const c1 = words[1];
  uint32_t* const c2 = words[2];
  uint32_t* const c3 = words[3];
  for (int64_t i = 0; i < kPhiloxLanes; ++i) {
    const uint64_t block = first + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(block);
    c1[i] = static_cast<uint32_t>(block >> 32);
    c2[i] = 0;
    c3[i] = 0;
  }
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int64_t i = 0; i < kPhiloxLanes; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0[i], p1 = uint64_t{0xCD9E8D57u} * c2[i];
      c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<uint32_t>(p1);
      c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

template <class T>
HWY_ATTR inline void Apply(const DropoutRange<T>& r) {
  alignas(64) uint32_t words[4][kPhiloxLanes];
  for (int64_t block = r.begin; block < r.end; block += kPhiloxLanes) {
    PhiloxBlocks(r.key, r.first + static_cast<uint64_t>(block), words);
    const int64_t begin = block * 4, end = std::min((std::min(block + kPhiloxLanes, r.end)) * 4, r.count);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i - begin;
      r.y[i] = words[at % 4][at / 4] >= r.limit ? r.x[i] * r.scale : T(0);
    }
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
  const auto limit = static_cast<uint64_t>(p * 0x1p32);
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
