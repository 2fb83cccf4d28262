// Loops over elements in words as wide as the addresses allow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cuda/launch.h"

namespace octet::cuda {

__device__ inline int64_t grid_index() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t grid_step() { return int64_t{gridDim.x} * blockDim.x; }

// kCount elements that a thread loads or stores at once.
template <class T, int kCount>
struct alignas(std::min<size_t>(16, sizeof(T) * kCount)) Pack {
  T at[kCount];
};

template <class P, class T>
bool can_hold(const T* data) {
  return reinterpret_cast<uintptr_t>(data) % alignof(P) == 0;
}

// As many elements as the largest of the types has in 16 bytes.
template <class... Ts>
constexpr int kPackCount = static_cast<int>(16 / std::max({sizeof(Ts)...}));

template <class Y, class F, int kCount, class... Xs>
__device__ Pack<Y, kCount> map_pack(const F& f, std::integral_constant<int, kCount>, Pack<Xs, kCount>... x) {
  Pack<Y, kCount> y;
#pragma unroll
  for (int k = 0; k < kCount; ++k) y.at[k] = f(x.at[k]...);
  return y;
}

// y[i] = f(x0[i], x1[i], ...) for i < n: whole packs first, then single elements. y may be one of the xs. By
// the blocks of a row of the grid.
template <class F, class Y, class... Xs>
__device__ void map_elements(const F& f, int64_t n, int64_t packs, Y* y, const Xs*... x) {
  constexpr std::integral_constant<int, kPackCount<Y, Xs...>> count;
  for (int64_t i = grid_index(); i < packs; i += grid_step())
    reinterpret_cast<Pack<Y, count>*>(y)[i] =
        map_pack<Y>(f, count, reinterpret_cast<const Pack<Xs, count>*>(x)[i]...);
  for (int64_t i = packs * count + grid_index(); i < n; i += grid_step()) y[i] = f(x[i]...);
}

template <class F, class Y, class... Xs>
__global__ void map_kernel(F f, int64_t n, int64_t packs, Y* y, const Xs*... x) {
  map_elements(f, n, packs, y, x...);
}

// How many whole packs of n elements there are to take, 0 where an address allows none.
template <class Y, class... Xs>
int64_t whole_packs(int64_t n, const Y* y, const Xs*... x) {
  constexpr int kCount = kPackCount<Y, Xs...>;
  return can_hold<Pack<Y, kCount>>(y) && (can_hold<Pack<Xs, kCount>>(x) && ...) ? n / kCount : 0;
}

template <class F, class Y, class... Xs>
void map(const Context& c, const F& f, int64_t n, Y* y, const Xs*... x) {
  if (n == 0) return;
  constexpr int kCount = kPackCount<Y, Xs...>;
  const int64_t packs = whole_packs(n, y, x...);
  const unsigned blocks = grid_for(c, std::max(packs, n - packs * kCount));
  map_kernel<<<blocks, kThreads, 0, c.stream>>>(f, n, packs, y, x...);
  check_launch();
}

// Calls body(Word{}) with the widest word, up to 16 bytes, that divides everything whose bits were or-ed
// together: addresses, lengths and strides, in bytes.
template <class Body>
void with_word(uint64_t bits, Body&& body) {
  if (bits % 16 == 0) return body(uint4{});
  if (bits % 8 == 0) return body(uint64_t{});
  if (bits % 4 == 0) return body(uint32_t{});
  if (bits % 2 == 0) return body(uint16_t{});
  body(uint8_t{});
}

}  // namespace octet::cuda
