#include <algorithm>

#include "core/cpu/backend.h"
#include "core/cpu/gemm.h"
#include "core/cpu/level.h"
#include "core/cpu/thread_pool.h"

namespace octet::cpu {

namespace v2 {
void gemm(const Gemm<float>& args);
void gemm(const Gemm<double>& args);
}  // namespace v2
namespace v3 {
void gemm(const Gemm<float>& args);
void gemm(const Gemm<double>& args);
}  // namespace v3
namespace v4 {
void gemm(const Gemm<float>& args);
void gemm(const Gemm<double>& args);
}  // namespace v4

namespace {

template <class T>
void dispatch(const Gemm<T>& args) {
  using Function = void (*)(const Gemm<T>&);
  static const Function functions[] = {v2::gemm, v3::gemm, v4::gemm};
  static const Function function = functions[static_cast<int>(level())];
  if (args.m > 0 && args.n > 0) function(args);
}

// Rows of one chunk: enough that packing b again for each costs little, and at most 32 chunks.
int64_t chunk_rows(int64_t m, int64_t n, int64_t k) {
  if (m * n * k < 1 << 18) return m;
  return std::max<int64_t>(96, ((m + 31) / 32 + 15) / 16 * 16);
}

template <class T>
Gemm<T> rows_of(Gemm<T> g, int64_t begin, int64_t end) {
  g.a += g.transpose_a ? begin : begin * g.lda;
  g.y += begin * g.ldy;
  g.m = end - begin;
  return g;
}

void batched(const MatmulArgs& args) {
  const int64_t batch = args.y.size(0), m = args.y.size(1), n = args.y.size(2);
  const int64_t k = args.transpose_a ? args.a.size(1) : args.a.size(2);
  const int64_t step_b = args.b.size(0) == 1 ? 0 : n * k;
  with_float_type(args.y.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    const T *a = args.a.data<T>(), *b = args.b.data<T>();
    const T* bias = args.bias.defined() ? args.bias.data<T>() : nullptr;
    T* y = args.y.data<T>();
    const int64_t rows = std::max<int64_t>(1, chunk_rows(m, n, k)), chunks = (m + rows - 1) / rows;
    parallel_for(batch * chunks, [=, &args](int64_t chunk) {
      const int64_t i = chunk / chunks, begin = chunk % chunks * rows, end = std::min(m, begin + rows);
      T* out = y + i * m * n;
      if (bias)
        for (int64_t row = begin; row < end; ++row) std::copy(bias, bias + n, out + row * n);
      gemm(rows_of(Gemm<T>{m, n, k, a + i * m * k, args.transpose_a ? m : k, args.transpose_a, b + i * step_b,
                           args.transpose_b ? k : n, args.transpose_b, out, n, bias != nullptr},
                   begin, end));
    });
  });
}

}  // namespace

void gemm(const Gemm<float>& args) { dispatch(args); }
void gemm(const Gemm<double>& args) { dispatch(args); }

MatmulKernels matmul_kernels() { return {.batched = batched}; }

}  // namespace octet::cpu
