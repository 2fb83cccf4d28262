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
  __device__ bool all() const { return of[kPerLane / kGroup - 1] == kGroup; }
  __device__ bool operator[](int i) const { return i % kGroup < of[i / kGroup]; }
};

// A lane's eight values as they lie in memory, of kBits bits each, in words.
template <int kBits>
struct Packed {
  static constexpr int kGroupBits = kGroup * kBits;
  uint32_t word[2 * kGroupBits / 32];

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
  // Whether whole vectors can be loaded from a tensor, which may be a slice that begins at any element.
  static __device__ bool aligned(const void* base) {
    return reinterpret_cast<uintptr_t>(base) % sizeof(Vector) == 0;
  }

  // The bits of value i, at most 32.
  __device__ uint32_t operator[](int i) const {
    static_assert(kBits <= 32);
    if constexpr (kBits == 8) return __byte_perm(word[i / 4], 0, 0x4440 + i % 4);
    return word[i * kBits / 32] >> i * kBits % 32 & (0xFFFFFFFFu >> (32 - kBits));
  }
  // All values; of each the lowest bits count.
  __device__ void set(const uint32_t (&bits)[kPerLane]) {
#pragma unroll
    for (uint32_t& w : word) w = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) word[i * kBits / 32] |= bits[i] << i * kBits % 32;
  }
  // The same from a byte each.
  __device__ void set_bytes(const uint32_t (&bytes)[2]) {
    if constexpr (kBits == 8) {
      word[0] = bytes[0], word[1] = bytes[1];
    } else {
      static_assert(kBits == 4);
      // Pairs, in bytes 0 and 2.
      const auto pairs = [](uint32_t x) { return (x & 0x0F0F0F0Fu) | (x & 0x0F0F0F0Fu) >> 4; };
      word[0] = __byte_perm(pairs(bytes[0]), pairs(bytes[1]), 0x6420);
    }
  }

 private:
  static constexpr int kVectorBits = 8 * sizeof(Vector);

  // In bytes, of a bit of the packed values.
  static __device__ int offset_of(int bit, int stride) {
    return (bit / kGroupBits * stride * kBits + bit % kGroupBits) / 8;
  }
  template <class V>
  __device__ void put(int bit, V value) {
    if constexpr (sizeof(V) == 16) {
      word[bit / 32] = value.x, word[bit / 32 + 1] = value.y;
      word[bit / 32 + 2] = value.z, word[bit / 32 + 3] = value.w;
    } else if constexpr (sizeof(V) == 8) {
      word[bit / 32] = value.x, word[bit / 32 + 1] = value.y;
    } else {
      word[bit / 32] |= uint32_t{value} << bit % 32;
    }
  }
  template <class V>
  __device__ V get(int bit) const {
    const int i = bit / 32;
    if constexpr (sizeof(V) == 16) {
      return make_uint4(word[i], word[i + 1], word[i + 2], word[i + 3]);
    } else if constexpr (sizeof(V) == 8) {
      return make_uint2(word[i], word[i + 1]);
    } else {
      return static_cast<V>(word[i] >> bit % 32);
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
  bool full;       // all its elements exist, and the tensor has a gradient
};

// The elements of a thread in a block that is not full.
__device__ inline Valid valid_elements(const StepTensor& tensor, const Seat& seat, uint32_t own_block) {
  return {tensor.gradient ? tensor.count - seat.element(own_block) : 0, seat.stride};
}

// Finds the tensor of one block of a plan after another, each behind the last.
class Cursor {
 public:
  __device__ Place find(const StepPlan& plan, int log_block_size, uint32_t block) {
    if (block >= end_) search(plan, log_block_size, block);
    return {tensor_, block - first_, block - first_ < full_};
  }

 private:
  // The last tensor that begins at the block or before it, and where the next begins.
  __device__ void search(const StepPlan& plan, int log_block_size, uint32_t block) {
    // Most often it is one of the next.
    int after = tensor_ + 1;
    for (int step = 1; after < plan.tensor_count && plan.tensors[after].first_block <= block; step *= 2) {
      tensor_ = after;
      after = min(after + step, plan.tensor_count);
    }
    while (after - tensor_ > 1) {
      const int middle = tensor_ + (after - tensor_) / 2;
      (plan.tensors[middle].first_block <= block ? tensor_ : after) = middle;
    }
    const StepTensor& tensor = plan.tensors[tensor_];
    first_ = static_cast<uint32_t>(tensor.first_block);
    end_ =
        static_cast<uint32_t>(after < plan.tensor_count ? plan.tensors[after].first_block : plan.block_count);
    full_ = tensor.gradient ? static_cast<uint32_t>(tensor.count >> log_block_size) : 0;
  }

  int tensor_ = 0;
  uint32_t first_ = 0, end_ = 0, full_ = 0;
};

}  // namespace octet::cuda
