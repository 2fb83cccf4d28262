// Pointwise operations and copies.

#include <cstring>
#include <utility>

#include "core/cpu/backend.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements a chunk

template <class Op>
void unary(const Tensor& x, const Tensor& y) {
  with_float_type(x.dtype(), Op::kName, [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_ranges(x.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = Op::value(from[i]);
    });
  });
}

template <class Op>
void unary_backward(const Tensor& saved, const Tensor& dy, const Tensor& dx) {
  with_float_type(dy.dtype(), Op::kName, [&](auto zero) {
    using T = decltype(zero);
    const T *s = saved.data<T>(), *g = dy.data<T>();
    T* to = dx.data<T>();
    parallel_ranges(dy.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = g[i] * Op::slope(s[i]);
    });
  });
}

// Walks y in order and keeps the offsets into a and b, whose stretched axes have stride 0.
template <class Op>
void binary(const Tensor& a, const Tensor& b, const Tensor& y) {
  const Shape& shape = y.shape();
  const int rank = shape.rank();
  int64_t stride_a[Shape::kMaxRank], stride_b[Shape::kMaxRank];
  const auto strides = [&](const Tensor& t, int64_t* stride) {
    int64_t step = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const int own = axis - (rank - t.shape().rank());
      const int64_t size = own >= 0 ? t.size(own) : 1;
      stride[axis] = size == 1 ? 0 : step;
      step *= size;
    }
  };
  strides(a, stride_a);
  strides(b, stride_b);
  with_float_type(y.dtype(), Op::kName, [&](auto zero) {
    using T = decltype(zero);
    const T *x = a.data<T>(), *z = b.data<T>();
    T* to = y.data<T>();
    if (a.shape() == shape && b.shape() == shape) {
      parallel_ranges(y.numel(), kGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = Op::value(x[i], z[i]);
      });
      return;
    }
    const int64_t cols = shape.cols(), sa = rank ? stride_a[rank - 1] : 0, sb = rank ? stride_b[rank - 1] : 0;
    parallel_ranges(shape.rows(), std::max<int64_t>(1, kGrain / std::max<int64_t>(cols, 1)),
                    [&, x, z, to](int64_t begin, int64_t end) {
                      for (int64_t row = begin; row < end; ++row) {
                        int64_t at_a = 0, at_b = 0;
                        for (int64_t rest = row, axis = rank - 2; axis >= 0; --axis) {
                          const int64_t index = rest % shape[static_cast<int>(axis)];
                          rest /= shape[static_cast<int>(axis)];
                          at_a += index * stride_a[axis];
                          at_b += index * stride_b[axis];
                        }
                        for (int64_t i = 0; i < cols; ++i)
                          to[row * cols + i] = Op::value(x[at_a + i * sa], z[at_b + i * sb]);
                      }
                    });
  });
}

void affine(const Tensor& x, double scale, double shift, const Tensor& y) {
  with_float_type(x.dtype(), "affine", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    const T s = static_cast<T>(scale), d = static_cast<T>(shift);
    parallel_ranges(x.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = s * from[i] + d;
    });
  });
}

void accumulate(const Tensor& x, const Tensor& y) {
  with_float_type(x.dtype(), "accumulate", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_ranges(x.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] += from[i];
    });
  });
}

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

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return converted<To>(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16(static_cast<float>(x));
  } else {
    return static_cast<To>(x);
  }
}

void fill(const Tensor& x, double value) {
  if (value == 0) {
    std::memset(x.raw(), 0, static_cast<size_t>(x.bytes()));
    return;
  }
  with_type(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(x.data<T>(), x.numel(), converted<T>(value));
  });
}

void convert(const Tensor& x, const Tensor& y) {
  if (x.dtype() == y.dtype()) {
    std::memmove(y.raw(), x.raw(), static_cast<size_t>(x.bytes()));
    return;
  }
  with_type(x.dtype(), [&](auto from_zero) {
    with_type(y.dtype(), [&](auto to_zero) {
      using From = decltype(from_zero);
      using To = decltype(to_zero);
      const From* from = x.data<From>();
      To* to = y.data<To>();
      for (int64_t i = 0, n = x.numel(); i < n; ++i) to[i] = converted<To>(from[i]);
    });
  });
}

void widen(std::span<const Tensor> x, std::span<const Tensor> y) {
  for (size_t i = 0; i < x.size(); ++i) convert(x[i], y[i]);
}

template <class... Ops>
PointwiseKernels fold_unary(std::type_identity<std::tuple<Ops...>>) {
  PointwiseKernels table;
  table.unary = {unary<Ops>...};
  table.unary_backward = {unary_backward<Ops>...};
  return table;
}

template <class... Ops>
std::array<PointwiseKernels::Binary, kBinaryOps> fold_binary(std::type_identity<std::tuple<Ops...>>) {
  return {binary<Ops>...};
}

}  // namespace

MemoryKernels memory_kernels() { return {.fill = fill, .convert = convert, .widen = widen}; }

PointwiseKernels pointwise_kernels() {
  PointwiseKernels table = fold_unary(std::type_identity<UnaryOps>{});
  table.binary = fold_binary(std::type_identity<BinaryOps>{});
  table.affine = affine;
  table.accumulate = accumulate;
  return table;
}

}  // namespace octet::cpu
