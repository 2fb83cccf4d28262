// Filling tensors and converting their elements.
#include <type_traits>

#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

// Calls body(T{}) with the element type.
template <class Body>
void with_type(DType type, Body&& body) {
  switch (type) {
    case DType::F32:
      return body(float{});
    case DType::F64:
      return body(double{});
    case DType::BF16:
      return body(BFloat16{});
    case DType::I32:
      return body(int32_t{});
    case DType::I64:
      return body(int64_t{});
    case DType::U8:
      return body(uint8_t{});
  }
}

template <class To>
struct Converted {
  template <class From>
  OCTET_HD To operator()(From x) const {
    if constexpr (std::is_same_v<From, BFloat16>) {
      return static_cast<To>(static_cast<float>(x));
    } else if constexpr (std::is_same_v<To, BFloat16>) {
      return BFloat16(static_cast<float>(x));
    } else {
      return static_cast<To>(x);
    }
  }
};

template <class T>
struct Constant {
  T value;
  __device__ T operator()() const { return value; }
};

void fill(const Tensor& x, double value) {
  const Op op("memory.fill");
  const Context& c = context(x);
  if (x.numel() == 0) return;
  if (value == 0) return check(cudaMemsetAsync(x.raw(), 0, static_cast<size_t>(x.bytes()), c.stream));
  with_type(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    map(c, Constant<T>{Converted<T>{}(value)}, x.numel(), x.data<T>());
  });
}

void convert(const Tensor& x, const Tensor& y) {
  const Op op("memory.convert");
  const Context& c = context(x);
  if (x.dtype() == y.dtype()) {
    if (x.numel() > 0 && x.raw() != y.raw())
      check(cudaMemcpyAsync(y.raw(), x.raw(), static_cast<size_t>(x.bytes()), cudaMemcpyDeviceToDevice,
                            c.stream));
    return;
  }
  with_type(x.dtype(), [&](auto from) {
    with_type(y.dtype(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      if constexpr (!std::is_same_v<From, To>)
        map(c, Converted<To>{}, x.numel(), y.data<To>(), static_cast<const From*>(x.data<From>()));
    });
  });
}

// What one launch widens; a kernel's parameters may take 4 KB.
struct WidenTable {
  static constexpr int kPack = kPackCount<float, BFloat16>;
  struct Entry {
    const BFloat16* x;
    float* y;
    int64_t packs, count;
  };
  static constexpr int kMost = 64;
  Entry entries[kMost];
};
static_assert(sizeof(WidenTable) < 4000);

// Row y of the grid has entry y of the table.
__global__ void widen_entries(const __grid_constant__ WidenTable table) {
  const WidenTable::Entry& e = table.entries[blockIdx.y];
  map_elements(Converted<float>{}, e.count, e.packs, e.y, e.x);
}

void widen(std::span<const Tensor> x, std::span<const Tensor> y) {
  const Op op("memory.widen");
  if (x.empty()) return;
  const Context& c = context(x[0]);
  WidenTable table;
  for (size_t first = 0; first < x.size(); first += WidenTable::kMost) {
    const size_t entries = std::min<size_t>(WidenTable::kMost, x.size() - first);
    int64_t longest = 0;
    for (size_t i = 0; i < entries; ++i) {
      const int64_t count = x[first + i].numel();
      const auto* from = x[first + i].data<BFloat16>();
      auto* to = y[first + i].data<float>();
      table.entries[i] = {from, to, whole_packs(count, to, from), count};
      longest = std::max(longest, count);
    }
    const dim3 grid(grid_for(c, longest, kThreads * WidenTable::kPack), static_cast<unsigned>(entries));
    widen_entries<<<grid, kThreads, 0, c.stream>>>(table);
    check_launch();
  }
}

}  // namespace

MemoryKernels memory_kernels() { return {.fill = fill, .convert = convert, .widen = widen}; }

}  // namespace octet::cuda
