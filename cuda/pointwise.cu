// Pointwise operations: the scalar functions of core/pointwise.h over whole tensors.
#include <array>
#include <tuple>
#include <type_traits>

#include "cuda/axes.cuh"
#include "cuda/kernels.h"
#include "cuda/vector.cuh"

namespace octet::cuda {
namespace {

// "pointwise.NAME" and what follows, as the table's visit() says it.
constexpr std::array<char, 40> entry_name(const char* name, const char* suffix) {
  std::array<char, 40> text{};
  size_t n = 0;
  for (const char* part : {"pointwise.", name, suffix})
    while (*part) text[n++] = *part++;
  return text;
}
template <class F>
constexpr auto kEntry = entry_name(F::kName, "");
template <class F>
constexpr auto kBackwardEntry = entry_name(F::kName, ".backward");

template <class F>
struct Value {
  template <class... Ts>
  __device__ auto operator()(Ts... x) const {
    return F::value(x...);
  }
};
template <class F>
struct Backward {
  template <class T>
  __device__ T operator()(T saved, T dy) const {
    return dy * F::slope(saved);
  }
};
template <class T>
struct Affine {
  T scale, shift;
  __device__ T operator()(T x) const { return scale * x + shift; }
};

template <class T>
const T* in(const Tensor& x) {
  return x.data<T>();
}

template <class F>
void unary(const Tensor& x, const Tensor& y) {
  const Op op(kEntry<F>.data());
  const Context& c = context(y);
  with_float_type(x.dtype(), F::kName, [&](auto zero) {
    using T = decltype(zero);
    map(c, Value<F>{}, y.numel(), y.data<T>(), in<T>(x));
  });
}

template <class F>
void unary_backward(const Tensor& saved, const Tensor& dy, const Tensor& dx) {
  const Op op(kBackwardEntry<F>.data());
  const Context& c = context(dx);
  with_float_type(dy.dtype(), F::kName, [&](auto zero) {
    using T = decltype(zero);
    map(c, Backward<F>{}, dx.numel(), dx.data<T>(), in<T>(saved), in<T>(dy));
  });
}

// A pack of the elements at `x`, which all are the first where the innermost axis is stretched.
template <int kCount, class T>
__device__ Pack<T, kCount> load(const T* x, int64_t stride) {
  if (stride) return *reinterpret_cast<const Pack<T, kCount>*>(x);
  Pack<T, kCount> pack;
#pragma unroll
  for (int k = 0; k < kCount; ++k) pack.at[k] = *x;
  return pack;
}

// y[i] = f(a[at_a], b[at_b]), a pack of the innermost axis at a time; stretched axes have stride 0.
template <class F, class T, int kCount>
__global__ void binary_kernel(const __grid_constant__ Axes axes, int64_t packs, const T* a, const T* b,
                              T* y) {
  constexpr std::integral_constant<int, kCount> count;
  const int64_t step_a = axes.a[axes.rank - 1], step_b = axes.b[axes.rank - 1];
  for (int64_t i = grid_index(); i < packs; i += grid_step()) {
    int64_t at_a, at_b;
    axes.locate(i * kCount, at_a, at_b);
    reinterpret_cast<Pack<T, kCount>*>(y)[i] =
        map_pack<T>(Value<F>{}, count, load<kCount>(a + at_a, step_a), load<kCount>(b + at_b, step_b));
  }
}

// The strides of x in a space of shape `broadcast`: trailing axes aligned, 0 where x is stretched.
std::array<int64_t, Shape::kMaxRank> strides_in(const Shape& broadcast, const Shape& x) {
  std::array<int64_t, Shape::kMaxRank> strides{};
  int64_t step = 1;
  for (int axis = 1; axis <= x.rank(); ++axis) {
    if (x[-axis] > 1) strides[static_cast<size_t>(broadcast.rank() - axis)] = step;
    step *= x[-axis];
  }
  return strides;
}

template <class F>
void binary(const Tensor& a, const Tensor& b, const Tensor& y) {
  const Op op(kEntry<F>.data());
  const Context& c = context(y);
  const int64_t n = y.numel();
  if (n == 0) return;
  with_float_type(y.dtype(), F::kName, [&](auto zero) {
    using T = decltype(zero);
    if (a.numel() == n && b.numel() == n) return map(c, Value<F>{}, n, y.data<T>(), in<T>(a), in<T>(b));
    const auto strides_a = strides_in(y.shape(), a.shape()), strides_b = strides_in(y.shape(), b.shape());
    Axes axes;
    for (int axis = 0; axis < y.shape().rank(); ++axis)
      axes.push(y.size(axis), strides_a[static_cast<size_t>(axis)], strides_b[static_cast<size_t>(axis)]);
    // The innermost stride is 0 or 1, and the others are then multiples of the innermost size.
    constexpr int kCount = kPackCount<T>;
    using P = Pack<T, kCount>;
    const int last = axes.rank - 1;
    const bool wide = axes.size[last] % kCount == 0 && can_hold<P>(y.data<T>()) &&
                      (axes.a[last] == 0 || can_hold<P>(a.data<T>())) &&
                      (axes.b[last] == 0 || can_hold<P>(b.data<T>()));
    const auto launch = [&](auto count) {
      const int64_t packs = n / count;
      binary_kernel<F, T, decltype(count)::value>
          <<<grid_for(c, packs), kThreads, 0, c.stream>>>(axes, packs, a.data<T>(), b.data<T>(), y.data<T>());
      check_launch();
    };
    if (wide) {
      launch(std::integral_constant<int, kCount>{});
    } else {
      launch(std::integral_constant<int, 1>{});
    }
  });
}

void affine(const Tensor& x, double scale, double shift, const Tensor& y) {
  const Op op("pointwise.affine");
  const Context& c = context(y);
  with_float_type(x.dtype(), "affine", [&](auto zero) {
    using T = decltype(zero);
    map(c, Affine<T>{static_cast<T>(scale), static_cast<T>(shift)}, y.numel(), y.data<T>(), in<T>(x));
  });
}

void accumulate(const Tensor& x, const Tensor& y) {
  const Op op("pointwise.accumulate");
  const Context& c = context(y);
  with_float_type(x.dtype(), "accumulate", [&](auto zero) {
    using T = decltype(zero);
    map(c, Value<Add>{}, y.numel(), y.data<T>(), in<T>(x), in<T>(y));
  });
}

template <class... Fs>
PointwiseKernels fold_unary(std::type_identity<std::tuple<Fs...>>) {
  PointwiseKernels table;
  table.unary = {unary<Fs>...};
  table.unary_backward = {unary_backward<Fs>...};
  return table;
}

template <class... Fs>
std::array<PointwiseKernels::Binary, kBinaryOps> fold_binary(std::type_identity<std::tuple<Fs...>>) {
  return {binary<Fs>...};
}

}  // namespace

PointwiseKernels pointwise_kernels() {
  PointwiseKernels table = fold_unary(std::type_identity<UnaryOps>{});
  table.binary = fold_binary(std::type_identity<BinaryOps>{});
  table.affine = affine;
  table.accumulate = accumulate;
  return table;
}

}  // namespace octet::cuda
