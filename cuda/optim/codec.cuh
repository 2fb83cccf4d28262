// State codecs on the device: eight values of a slot in a lane, to and from what is stored.
#pragma once

#include "cuda/optim/lanes.cuh"
#include "cuda/optim/tables.h"
#include "optim/codecs.h"

namespace octet::cuda {

// Where a lane's eight values stand in their tensor.
struct LanePlace {
  uint32_t element;  // of the first, modulo 2^32
  int stride;        // from the first group of four to the second
  __device__ uint32_t operator[](int i) const { return element + i / kGroup * stride + i % kGroup; }
};

// Codecs that convert each value by itself.
template <class Codec>
struct LaneCodec {
  using T = typename Codec::Value;
  using S = typename Codec::Stored;
  struct Tables {};
  struct Shared {
    __device__ void fill(const Tables*) {}
  };
  static const Tables* tables(const Context&) { return nullptr; }

  static __device__ void load(const void* state, int64_t element, int stride, const Valid& valid,
                              S (&stored)[kPerLane]) {
    cuda::load(static_cast<const S*>(state) + element, stride, valid, stored);
  }
  static __device__ void store(const S (&stored)[kPerLane], int stride, const Valid& valid, void* state,
                               int64_t element) {
    cuda::store(stored, stride, valid, static_cast<S*>(state) + element);
  }
  template <Book>
  static __device__ void decode(const Shared&, const S (&stored)[kPerLane], float, T (&x)[kPerLane]) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) x[i] = static_cast<T>(stored[i]);
  }
  template <Book>
  static __device__ void encode(const Shared&, const Encoding& how, const LanePlace& place, T (&x)[kPerLane],
                                uint32_t, S (&stored)[kPerLane]) {
    if constexpr (std::is_same_v<S, BFloat16>) {
      if (how.dithered) {
#pragma unroll
        for (int i = 0; i < kPerLane; ++i)
          stored[i].bits =
              optim::dithered_bf16(__float_as_uint(x[i]), optim::dither_bits(how.dither_key, place[i]) >> 16);
        return;
      }
    }
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) stored[i] = S(x[i]);
  }
};

// Codecs with code books.
template <class Codec>
requires(Codec::scale != optim::Scale::None) struct LaneCodec<Codec> {
  using S = uint8_t;  // a code
  using Tables = CodecTables<Codec::map>;
  // The tables in memory of the multiprocessor.
  struct Shared {
    Tables tables;
    __device__ void fill(const Tables* from) {
      const auto* source = reinterpret_cast<const uint4*>(from);
      auto* target = reinterpret_cast<uint4*>(&tables);
      for (unsigned i = threadIdx.x; i < sizeof tables / sizeof(uint4); i += blockDim.x)
        target[i] = source[i];
      __syncthreads();
    }
    template <Book kBook>
    __device__ const auto& cells() const {
      if constexpr (kBook == Book::Signed) {
        return tables.signed_cells;
      } else {
        return tables.unsigned_cells;
      }
    }
  };
  static const Tables* tables(const Context& c) { return codec_tables<Codec::map>(c); }

  // Four codes of four bits each, which may begin at any byte.
  static __device__ bool is_pair(const uint8_t* bytes, int valid) {
    return valid == kGroup && reinterpret_cast<uintptr_t>(bytes) % sizeof(uint16_t) == 0;
  }

  static __device__ void load(const void* state, int64_t element, int stride, const Valid& valid,
                              S (&codes)[kPerLane]) {
    const auto* bytes = static_cast<const uint8_t*>(state);
    if constexpr (Codec::values_per_stored == 1) {
      cuda::load(bytes + element, stride, valid, codes);
    } else {
      bytes += element / 2;
#pragma unroll
      for (int g = 0; g < kPerLane; g += kGroup, bytes += stride / 2) {
        uint16_t four = 0;
        if (is_pair(bytes, valid.of[g / kGroup])) {
          four = __ldcg(reinterpret_cast<const uint16_t*>(bytes));
        } else {
          for (int i = 0; 2 * i < valid.of[g / kGroup]; ++i) four |= bytes[i] << 8 * i;
        }
#pragma unroll
        for (int i = 0; i < kGroup; ++i) codes[g + i] = four >> 4 * i & 15;
      }
    }
  }

  static __device__ void store(const S (&codes)[kPerLane], int stride, const Valid& valid, void* state,
                               int64_t element) {
    auto* bytes = static_cast<uint8_t*>(state);
    if constexpr (Codec::values_per_stored == 1) {
      cuda::store(codes, stride, valid, bytes + element);
    } else {
      bytes += element / 2;
#pragma unroll
      for (int g = 0; g < kPerLane; g += kGroup, bytes += stride / 2) {
        uint32_t four = 0;
#pragma unroll
        for (int i = 0; i < kGroup; ++i)
          if (valid[g + i]) four |= uint32_t{codes[g + i]} << 4 * i;
        if (is_pair(bytes, valid.of[g / kGroup])) {
          __stcg(reinterpret_cast<uint16_t*>(bytes), static_cast<uint16_t>(four));
        } else {
          for (int i = 0; 2 * i < valid.of[g / kGroup]; ++i) bytes[i] = static_cast<uint8_t>(four >> 8 * i);
        }
      }
    }
  }

  template <Book kBook>
  static __device__ void decode(const Shared& shared, const S (&codes)[kPerLane], float absmax,
                                float (&x)[kPerLane]) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) x[i] = shared.tables.value[static_cast<int>(kBook)][codes[i]] * absmax;
  }

  // largest: the bits of the block's absmax. x is scratch: it may be changed.
  template <Book kBook>
  static __device__ void encode(const Shared& shared, const Encoding& how, const LanePlace& place,
                                float (&x)[kPerLane], uint32_t largest, S (&codes)[kPerLane]) {
    constexpr uint32_t kInfinity = 0x7F800000, kSmallestNormal = 0x00800000;
    float absmax = __uint_as_float(largest);
    if (largest < kSmallestNormal || largest >= kInfinity) {
      if (largest == 0 ||
          largest >= kInfinity) {  // not finite: absmax alone makes every value of the block so
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) codes[i] = optim::zero_code(kBook, Codec::map);
        return;
      }
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) x[i] *= 0x1p64f;  // the reciprocal of a denormal would overflow
      absmax *= 0x1p64f;
    }
    const float r = 1.0f / absmax;
    if (how.dithered) {
      const optim::DitherPieces& pieces = shared.tables.pieces[static_cast<int>(kBook)];
#pragma unroll
      for (int i = 0; i < kPerLane; ++i)
        codes[i] = optim::dithered_code<kBook, Codec::map>(
            pieces, x[i] * r, optim::dither(how.dither_key, place[i]), how.floor);
      return;
    }
    const int32_t least = how.floor ? 1 : 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) codes[i] = shared.template cells<kBook>().code(x[i] * r, least);
  }
};

// The largest |x| as bits: their order is that of the floats, with infinity and then NaN above.
__device__ inline uint32_t largest_bits(const float (&x)[kPerLane]) {
  uint32_t largest = 0;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) largest = max(largest, __float_as_uint(x[i]) & 0x7FFFFFFFu);
  return largest;
}

// The largest over each group of `lanes` lanes of a warp (a power of two), in all of them.
__device__ inline uint32_t largest_of_lanes(uint32_t bits, int lanes) {
#if __CUDA_ARCH__ >= 800
  if (lanes == kWarp) return __reduce_max_sync(0xFFFFFFFFu, bits);
#endif
  for (int offset = lanes / 2; offset > 0; offset /= 2)
    bits = max(bits, __shfl_xor_sync(0xFFFFFFFFu, bits, offset));
  return bits;
}

// The largest in the quantization block of each lane, for kSlots slots at once. kBlock: the block size, or 0
// if it is known at run time alone. All threads must come here together; the blocks of threads are kMaxBlock
// / kPerLane long where a quantization block may be longer than a warp.
template <int kSlots, int kBlock>
class BlockMaximum {
 public:
  __device__ void operator()(uint32_t (&bits)[kSlots], int block_size) {
    const int lanes = (kBlock ? kBlock : block_size) / kPerLane;
#pragma unroll
    for (int slot = 0; slot < kSlots; ++slot)
      bits[slot] = largest_of_lanes(bits[slot], lanes < kWarp ? lanes : kWarp);
    if constexpr (kBlock == 0) {
      if (lanes > kWarp) across_warps(bits, lanes / kWarp);
    }
  }

 private:
  static constexpr int kWarps = optim::kMaxBlock / kPerLane / kWarp;

  __device__ void across_warps(uint32_t (&bits)[kSlots], int warps) {
    // Two sets of maxima in turn: whoever writes to a set has passed the barrier after the other was read.
    __shared__ uint32_t maxima[2][kSlots][kWarps];
    const unsigned warp = threadIdx.x / kWarp;
    if (threadIdx.x % kWarp == 0) {
#pragma unroll
      for (int slot = 0; slot < kSlots; ++slot) maxima[turn_][slot][warp] = bits[slot];
    }
    __syncthreads();
    const unsigned first = warp / warps * warps;
    for (int i = 0; i < warps; ++i) {
#pragma unroll
      for (int slot = 0; slot < kSlots; ++slot) bits[slot] = max(bits[slot], maxima[turn_][slot][first + i]);
    }
    turn_ ^= 1;
  }

  int turn_ = 0;
};

}  // namespace octet::cuda
