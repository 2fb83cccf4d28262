// State codecs on the device: eight values of a slot in a lane, to and from what is stored.
#pragma once

#include "cuda/optim/codes.cuh"
#include "cuda/optim/fold.cuh"
#include "cuda/optim/lanes.cuh"
#include "cuda/optim/tables.h"
#include "optim/codecs.h"
#include "optim/rules/arithmetic.h"

namespace octet::cuda {

// The bits that dither each of a lane's values.
struct LaneNoise {
  uint32_t first;  // of the first value
  int stride;      // from the first group of four to the second
  __device__ LaneNoise(const Encoding& how, uint32_t element, int group_stride)
      : first(optim::dither_bits(how.dither_key, element)), stride(group_stride) {}
  __device__ uint32_t operator[](int i) const {
    return optim::dither_bits(first, static_cast<uint32_t>(i / kGroup * stride + i % kGroup));
  }
};

// The tables that a kernel needs beside those of values, by book: for codes of one kind and the other.
struct TableUse {
  bool dithered[2] = {}, nearest[2] = {};
  __device__ void add(Book book, bool dither) {
    dithered[static_cast<int>(book)] |= dither;
    nearest[static_cast<int>(book)] |= !dither;
  }
};

// bf16 values of a lane, widened.
inline __device__ void unpack(const Packed<16>& packed, float (&x)[kPerLane]) {
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) x[i] = __uint_as_float(packed[i] << 16);
}
// Rounded: to the nearest, or by chance, as rounded_bf16() does one.
inline __device__ void pack(const float (&x)[kPerLane], const Encoding& how, const LaneNoise& noise,
                            Packed<16>& packed) {
  constexpr float kLarge = 0x1p127f;
  float sum = 0;  // below kLarge if all are numbers that rounding cannot make infinite
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) sum += fabsf(x[i]);
  if (!(sum < kLarge)) {
    uint32_t bits[kPerLane];
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) bits[i] = optim::rounded_bf16(x[i], how, noise[i]);
    return packed.set(bits);
  }
#pragma unroll
  for (int i = 0; i < kPerLane; i += 2) {
    uint32_t& pair = packed.word[i / 2];
    if (how.dithered) {
      pair = __byte_perm(__float_as_uint(x[i]) + (noise[i] >> 16),
                         __float_as_uint(x[i + 1]) + (noise[i + 1] >> 16), 0x7632);
    } else {
      asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(x[i + 1]), "f"(x[i]));
    }
  }
}

// The bits of a value with Codec in memory.
template <class Codec>
constexpr int kStoredBits = 8 * sizeof(typename Codec::Stored) / Codec::values_per_stored;

// Codecs that convert each value by itself.
template <class Codec>
struct LaneCodec {
  using T = typename Codec::Value;
  using Stored = Packed<kStoredBits<Codec>>;
  struct Tables {};
  struct Shared {
    __device__ void copy_tables(const Tables*, const TableUse&) {}
  };
  static const Tables* tables(const Context&) { return nullptr; }

  template <Book>
  static __device__ void decode(const Shared&, const Stored& stored, float, T (&x)[kPerLane]) {
    unpack(stored, x);
  }
  template <Book>
  static __device__ void encode(const Shared&, const Encoding& how, const LaneNoise& noise, T (&x)[kPerLane],
                                uint32_t, Stored& stored) {
    if constexpr (kStoredBits<Codec> == 16) {
      pack(x, how, noise, stored);
    } else {
      pack(x, stored);
    }
  }
};

// Codecs with code books.
template <class Codec>
requires(Codec::scale != optim::Scale::None) struct LaneCodec<Codec> {
  using Stored = Packed<kStoredBits<Codec>>;
  using Tables = CodecTables<Codec::map>;
  // The tables in memory of the multiprocessor.
  struct Shared {
    Tables tables;

    // Only what is needed: a small model's step takes hardly longer than this does. A barrier must follow.
    __device__ void copy_tables(const Tables* from, const TableUse& use) {
      copy(from->value, tables.value);
      if constexpr (Codec::map != optim::Map::Powers4) {
#pragma unroll
        for (int book = 0; book < 2; ++book)
          if (use.dithered[book]) tables.dither[book].copy_from(from->dither[book]);
      }
      if (use.nearest[static_cast<int>(Book::Signed)]) copy(from->signed_cells, tables.signed_cells);
      if (use.nearest[static_cast<int>(Book::Unsigned)]) copy(from->unsigned_cells, tables.unsigned_cells);
    }
    template <Book kBook>
    __device__ const auto& cells() const {
      if constexpr (kBook == Book::Signed) {
        return tables.signed_cells;
      } else {
        return tables.unsigned_cells;
      }
    }

   private:
    template <class T>
    static __device__ void copy(const T& from, T& to) {
      static_assert(sizeof(T) % sizeof(uint4) == 0);
      for (unsigned i = threadIdx.x; i < sizeof(T) / sizeof(uint4); i += blockDim.x)
        reinterpret_cast<uint4*>(&to)[i] = reinterpret_cast<const uint4*>(&from)[i];
    }
  };
  static const Tables* tables(const Context& c) { return codec_tables<Codec::map>(c); }

  template <Book kBook>
  static __device__ void decode(const Shared& shared, const Stored& codes, float absmax,
                                float (&x)[kPerLane]) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) x[i] = shared.tables.value[static_cast<int>(kBook)][codes[i]] * absmax;
  }

  // largest: the bits of the block's absmax, which may have a sign. x is scratch: it may be changed.
  template <Book kBook>
  static __device__ void encode(const Shared& shared, const Encoding& how, const LaneNoise& noise,
                                float (&x)[kPerLane], uint32_t largest, Stored& codes) {
    // At these and beyond the reciprocal, or the largest value, is no normal number.
    constexpr uint32_t kInfinity = 0x7F800000, kSmallestNormal = 0x00800000, kLarge = 0x7E800000;
    constexpr int kGroups = kPerLane / kGroup;
    uint32_t code[kGroups];  // a byte each
    float absmax = __uint_as_float(largest);
    float r = optim::quotient(1.0f, absmax);
    const uint32_t magnitude = largest & 0x7FFFFFFF;
    if (magnitude < kSmallestNormal || magnitude >= kLarge) {
      if (magnitude == 0 || magnitude >= kInfinity) {
        // Not finite: absmax alone makes every value of the block so.
#pragma unroll
        for (uint32_t& c : code) c = optim::zero_code(kBook, Codec::map) * kEachByte;
        return codes.set_bytes(code);
      }
      if (magnitude < kSmallestNormal) {  // whose reciprocal would overflow
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) x[i] *= 0x1p64f;
        absmax *= 0x1p64f;
      }
      r = 1.0f / absmax;
    }
    float n[kGroups][kGroup];
    uint32_t place[kGroups][kGroup];
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) n[i / kGroup][i % kGroup] = x[i] * r;
    if (how.dithered) {
      const auto& dither = shared.tables.dither[static_cast<int>(kBook)];
      const auto find_places = [&](auto floor) {
#pragma unroll
        for (int i = 0; i < kPerLane; ++i)
          place[i / kGroup][i % kGroup] =
              dither.template place<kBook, floor>(n[i / kGroup][i % kGroup], noise[i]);
      };
      // Others are raised afterwards, by codes_of().
      constexpr bool kRaises = Codec::map == optim::Map::Powers4 && kBook == Book::Unsigned;
      if (kRaises && how.floor) {
        find_places(std::true_type());
      } else {
        find_places(std::false_type());
      }
    } else {
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) {
        const float of = n[i / kGroup][i % kGroup];
        place[i / kGroup][i % kGroup] =
            shared.template cells<kBook>().place(kBook == Book::Signed ? fabsf(of) : of);
      }
    }
#pragma unroll
    for (int g = 0; g < kGroups; ++g) code[g] = codes_of<kBook, Codec::map>(place[g], n[g], how.floor);
    codes.set_bytes(code);
  }
};

// The largest |x| as a word whose order is that of the magnitudes, with infinity and then NaN above. In the
// signed book the lowest bit says that it is of a positive value, which comes first if both signs are as
// large; elsewhere there are no signs, and the word is the float.
template <Book kBook>
__device__ uint32_t largest_word(const float (&x)[kPerLane]) {
  int32_t positive = 0;
  uint32_t any = 0;  // above 0x80000000 if there is a sign
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    positive = max(positive, __float_as_int(x[i]));
    if constexpr (kBook == Book::Signed) any = max(any, __float_as_uint(x[i]));
  }
  const auto above = static_cast<uint32_t>(positive);
  if constexpr (kBook == Book::Unsigned) return above;
  return max(above << 1 | 1, any >= 0x80000000 ? any << 1 : 0);
}
// The absmax of a block from the largest of its words, as bits; its sign only if that is asked for.
template <Book kBook>
__device__ uint32_t absmax_bits(uint32_t word, bool keep_sign) {
  if constexpr (kBook == Book::Unsigned) return word;
  return word >> 1 | (keep_sign && !(word & 1) ? 0x80000000 : 0);
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
