// How threads share the elements of a plan: eight a lane, in two groups of four that are loaded and stored as
// vectors.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "cuda/launch.h"
#include "optim/step.h"

namespace octet::cuda {

using optim::Book;
using optim::Encoding;
using optim::StepControl;
using optim::StepPlan;
using optim::StepTensor;

constexpr int kPerLane = 8;  // elements; 32 lanes are a block of 256
constexpr int kGroup = 4;

// Lanes that share a quantization block: as many as it has elements for, at most a warp. Their first groups
// stand side by side in memory, and then their second ones, so that each load or store of theirs is one
// stretch.
__host__ __device__ constexpr int lanes_of(int block_size) {
  return block_size < kWarp * kPerLane ? block_size / kPerLane : kWarp;
}
// From a lane's first group to its second, in elements.
__host__ __device__ constexpr int group_stride(int block_size) { return lanes_of(block_size) * kGroup; }

// Where a thread sits in a stretch of blocks that a block of threads takes at a time: in which of the blocks,
// and at which of its elements.
struct Seat {
  uint32_t block;
  int within, stride, block_size;

  __device__ explicit Seat(int size) : stride(group_stride(size)), block_size(size) {
    const int thread = static_cast<int>(threadIdx.x), lanes = lanes_of(size);
    const int first = thread / lanes * (lanes * kPerLane) + thread % lanes * kGroup;
    block = static_cast<uint32_t>(first / size);
    within = first % size;
  }
  // The place of the first element in the tensor, for a block of the tensor.
  __device__ int64_t element(uint32_t own_block) const { return int64_t{own_block} * block_size + within; }
};

// How many of each group's elements there are.
struct Valid {
  int of[kPerLane / kGroup];

  // `rest`: elements from the first on.
  __device__ Valid(int64_t rest, int stride) {
#pragma unroll
    for (int g = 0; g < kPerLane / kGroup; ++g)
      of[g] = static_cast<int>(min(max(rest - g * stride, int64_t{0}), int64_t{kGroup}));
  }
  __device__ bool any() const { return of[0] > 0; }
  __device__ bool operator[](int i) const { return i % kGroup < of[i / kGroup]; }
};

// A lane's eight values as they lie in memory, of kBits bits each, in words. A group has words of its own: to
// put two loads into one would wait for them.
template <int kBits>
struct Packed {
  static constexpr int kGroupBits = kGroup * kBits;
  static constexpr int kGroupWords = kGroupBits < 32 ? 1 : kGroupBits / 32;
  uint32_t word[kPerLane / kGroup * kGroupWords];

  // What one load or store takes. Through L2 only: no value is needed twice.
  using Vector = std::conditional_t<
      kGroupBits == 16, uint16_t,
      std::conditional_t<kGroupBits == 32, uint32_t, std::conditional_t<kGroupBits == 64, uint2, uint4>>>;
  // What is loaded where a group is not whole or begins at an odd address.
  static constexpr int kUnitBits = kBits < 8 ? 8 : kBits > 32 ? 32 : kBits;
  using Unit =
      std::conditional_t<kUnitBits == 8, uint8_t, std::conditional_t<kUnitBits == 16, uint16_t, uint32_t>>;

  // The values at `at`, and those a stride further.
  __device__ void load(const uint8_t* at, int stride) {
#pragma unroll
    for (uint32_t& w : word) w = 0;
#pragma unroll
    for (int bit = 0; bit < 2 * kGroupBits; bit += kVectorBits)
      put(bit, __ldcg(reinterpret_cast<const Vector*>(at + offset_of(bit, stride))));
  }
  // Only those that are valid, and zeros in place of others; from any address.
  __device__ void load(const uint8_t* at, int stride, const Valid& valid) {
#pragma unroll
    for (uint32_t& w : word) w = 0;
#pragma unroll
    for (int bit = 0; bit < 2 * kGroupBits; bit += kUnitBits)
      if (bit % kGroupBits < valid.of[bit / kGroupBits] * kBits)
        put(bit, *reinterpret_cast<const Unit*>(at + offset_of(bit, stride)));
  }

  __device__ void store(uint8_t* at, int stride) const {
#pragma unroll
    for (int bit = 0; bit < 2 * kGroupBits; bit += kVectorBits)
      __stcg(reinterpret_cast<Vector*>(at + offset_of(bit, stride)), get<Vector>(bit));
  }
  __device__ void store(uint8_t* at, int stride, const Valid& valid) const {
#pragma unroll
    for (int bit = 0; bit < 2 * kGroupBits; bit += kUnitBits)
      if (const int bits = valid.of[bit / kGroupBits] * kBits - bit % kGroupBits; bits > 0) {
        Unit unit = get<Unit>(bit);
        if (bits < kUnitBits) unit &= (1 << bits) - 1;  // half a byte is left over
        *reinterpret_cast<Unit*>(at + offset_of(bit, stride)) = unit;
      }
  }

  // Where the values of a thread lie in block `own_block` of a tensor.
  static __device__ const uint8_t* address(const void* base, const Seat& seat, uint32_t own_block) {
    return static_cast<const uint8_t*>(base) + seat.within * kBits / 8 +
           uint64_t{own_block} * static_cast<uint32_t>(seat.block_size * kBits / 8);
  }
  static __device__ uint8_t* address(void* base, const Seat& seat, uint32_t own_block) {
    return const_cast<uint8_t*>(address(static_cast<const void*>(base), seat, own_block));
  }
  static_assert(sizeof(Vector) <= optim::kVectorBytes);

  // The bits of value i, at most 32.
  __device__ uint32_t operator[](int i) const {
    static_assert(kBits <= 32);
    if constexpr (kBits == 8) return __byte_perm(word[i / 4], 0, 0x4440 + i % 4);
    return word[word_of(i * kBits)] >> shift_of(i * kBits) & (0xFFFFFFFFu >> (32 - kBits));
  }
  // All values; of each the lowest bits count.
  __device__ void set(const uint32_t (&bits)[kPerLane]) {
#pragma unroll
    for (uint32_t& w : word) w = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) word[word_of(i * kBits)] |= bits[i] << shift_of(i * kBits);
  }
  // The same from a byte each.
  __device__ void set_bytes(const uint32_t (&bytes)[2]) {
    if constexpr (kBits == 8) {
      word[0] = bytes[0], word[1] = bytes[1];
    } else {
      static_assert(kBits == 4);
#pragma unroll
      for (int g = 0; g < 2; ++g) {
        const uint32_t x = bytes[g] & 0x0F0F0F0Fu;
        word[g] = __byte_perm(x | x >> 4, 0, 0x4420);  // pairs, which were in bytes 0 and 2
      }
    }
  }

 private:
  static constexpr int kVectorBits = 8 * sizeof(Vector);

  // Where a bit of the packed values is.
  static __device__ constexpr int word_of(int bit) {
    return bit / kGroupBits * kGroupWords + bit % kGroupBits / 32;
  }
  static __device__ constexpr int shift_of(int bit) { return bit % kGroupBits % 32; }

  // In bytes, of a bit of the packed values.
  static __device__ int offset_of(int bit, int stride) {
    return (bit / kGroupBits * stride * kBits + bit % kGroupBits) / 8;
  }
  template <class V>
  __device__ void put(int bit, V value) {
    uint32_t* const to = word + word_of(bit);
    if constexpr (sizeof(V) == 16) {
      to[0] = value.x, to[1] = value.y, to[2] = value.z, to[3] = value.w;
    } else if constexpr (sizeof(V) == 8) {
      to[0] = value.x, to[1] = value.y;
    } else {
      *to |= uint32_t{value} << shift_of(bit);
    }
  }
  template <class V>
  __device__ V get(int bit) const {
    const uint32_t* const from = word + word_of(bit);
    if constexpr (sizeof(V) == 16) {
      return make_uint4(from[0], from[1], from[2], from[3]);
    } else if constexpr (sizeof(V) == 8) {
      return make_uint2(from[0], from[1]);
    } else {
      return static_cast<V>(*from >> shift_of(bit));
    }
  }
};

// As values of a type, one after another.
template <class T>
__device__ void unpack(const Packed<8 * sizeof(T)>& packed, T (&x)[kPerLane]) {
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if constexpr (sizeof(T) == 8) {
      x[i] = __hiloint2double(static_cast<int>(packed.word[2 * i + 1]), static_cast<int>(packed.word[2 * i]));
    } else {
      x[i] = __uint_as_float(packed[i]);
    }
  }
}
template <class T>
__device__ void pack(const T (&x)[kPerLane], Packed<8 * sizeof(T)>& packed) {
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if constexpr (sizeof(T) == 8) {
      packed.word[2 * i] = static_cast<uint32_t>(__double2loint(x[i]));
      packed.word[2 * i + 1] = static_cast<uint32_t>(__double2hiint(x[i]));
    } else {
      packed.word[i] = __float_as_uint(x[i]);
    }
  }
}

// Calls body(slot) for each slot of a rule, the slot being a constant.
template <class Rule, class Body>
__device__ void for_each_slot(const Body& body) {
  [&]<int... kSlot>(std::integer_sequence<int, kSlot...>) {
    (body(std::integral_constant<int, kSlot>()), ...);
  }
  (std::make_integer_sequence<int, optim::slot_count<Rule>>());
}

// Of a power of two.
__device__ inline int log2_of(int x) { return __ffs(x) - 1; }

// A block of a plan.
struct Place {
  int tensor;
  uint32_t block;  // in the tensor
};

// Whether all elements of a block exist, and vectors can be loaded.
__device__ inline bool is_whole(const StepTensor& tensor, uint32_t own_block, int log_block_size) {
  return own_block < static_cast<uint32_t>(tensor.in_vectors >> log_block_size);
}

// The elements of a thread in a block that is not whole.
__device__ inline Valid valid_elements(const StepTensor& tensor, const Seat& seat, uint32_t own_block) {
  return {tensor.gradient ? tensor.count - seat.element(own_block) : 0, seat.stride};
}

}  // namespace octet::cuda
