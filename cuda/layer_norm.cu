// Layer norm over the last axis.
#include "core/gpu_scratch.h"
#include "cuda/kernels.h"
#include "cuda/rows.cuh"

namespace octet::cuda {
namespace {

template <int kSpan, class T>
__global__ void layer_norm(Team<kSpan> team, int64_t rows, int64_t cols, double eps, const T* x,
                           const T* gain, const T* bias, T* y, T* mean, T* inverse_std) {
  // x, y: [rows, cols]; gain, bias: [cols]; mean, inverse_std: [rows]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T* a = x + row * cols;
    double sum = 0, squares = 0;
    for (int64_t i = team.rank(); i < cols; i += kSpan) sum += a[i];
    const double mu = team.sum(sum) / static_cast<double>(cols);
    for (int64_t i = team.rank(); i < cols; i += kSpan) squares += (a[i] - mu) * (a[i] - mu);
    const double r = 1 / std::sqrt(team.sum(squares) / static_cast<double>(cols) + eps);
    if (team.rank() == 0) {
      mean[row] = static_cast<T>(mu);
      inverse_std[row] = static_cast<T>(r);
    }
    for (int64_t i = team.rank(); i < cols; i += kSpan)
      y[row * cols + i] = static_cast<T>((a[i] - mu) * r) * gain[i] + bias[i];
  }
}

// dx = r (d - mean(d) - n mean(d n)) with n the normalised row and d = dy gain.
template <int kSpan, class T>
__global__ void layer_norm_dx(Team<kSpan> team, int64_t rows, int64_t cols, const T* x, const T* gain,
                              const T* mean, const T* inverse_std, const T* dy, T* dx) {
  // x, dy, dx: [rows, cols]; gain: [cols]; mean, inverse_std: [rows]
  for (int64_t row = team.first_row(); row < rows; row += team.row_step()) {
    const T *a = x + row * cols, *d = dy + row * cols;
    const double mu = mean[row], r = inverse_std[row];
    double sum = 0, with_n = 0;
    for (int64_t i = team.rank(); i < cols; i += kSpan) {
      const double e = double{d[i]} * gain[i];
      sum += e;
      with_n += e * (a[i] - mu) * r;
    }
    sum = team.sum(sum) / static_cast<double>(cols);
    with_n = team.sum(with_n) / static_cast<double>(cols);
    for (int64_t i = team.rank(); i < cols; i += kSpan)
      dx[row * cols + i] = static_cast<T>(r * (double{d[i]} * gain[i] - sum - (a[i] - mu) * r * with_n));
  }
}

// The gradients of gain and bias are sums over columns: blocks of 32 columns and 8 rows at a time sum a
// segment of the rows each, then a second kernel adds the segments.
constexpr int kRowsAtATime = kThreads / kWarp;

// The sum over threadIdx.y, for the threads whose y is 0.
__device__ double sum_down(double x) {
  __shared__ double parts[kRowsAtATime][kWarp];
  __syncthreads();  // the parts of the call before have been read
  parts[threadIdx.y][threadIdx.x] = x;
  __syncthreads();
  x = 0;
  if (threadIdx.y == 0)
    for (int k = 0; k < kRowsAtATime; ++k) x += parts[k][threadIdx.x];
  return x;
}

template <class T>
__global__ void segment_sums(int64_t rows, int64_t cols, int64_t segment, const T* x, const T* mean,
                             const T* inverse_std, const T* dy, double* parts) {
  // x, dy: [rows, cols]; mean, inverse_std: [rows]; parts: [segments, gain and bias, cols]
  const int64_t col = int64_t{blockIdx.x} * kWarp + threadIdx.x;
  const int64_t begin = blockIdx.y * segment, end = min(begin + segment, rows);
  double gain = 0, bias = 0;
  if (col < cols) {
#pragma unroll 4
    for (int64_t row = begin + threadIdx.y; row < end; row += kRowsAtATime) {
      const double d = dy[row * cols + col];
      gain += d * (x[row * cols + col] - double{mean[row]}) * inverse_std[row];
      bias += d;
    }
  }
  gain = sum_down(gain);
  bias = sum_down(bias);
  if (threadIdx.y == 0 && col < cols) {
    double* part = parts + blockIdx.y * 2 * cols + col;
    part[0] = gain;
    part[cols] = bias;
  }
}

template <class T>
__global__ void sum_segments(int64_t cols, int64_t segments, const double* parts, T* dgain, T* dbias) {
  // parts: [segments, gain and bias, cols]; dgain, dbias: [cols]
  const int64_t col = int64_t{blockIdx.x} * kWarp + threadIdx.x;
  double sum = 0;
  if (col < cols) {
#pragma unroll 4
    for (int64_t k = threadIdx.y; k < segments; k += kRowsAtATime)
      sum += parts[(2 * k + blockIdx.y) * cols + col];
  }
  sum = sum_down(sum);
  if (threadIdx.y == 0 && col < cols) (blockIdx.y ? dbias : dgain)[col] = static_cast<T>(sum);
}

void forward(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, const Tensor& y,
             const Tensor& mean, const Tensor& inverse_std) {
  const Op op("layer_norm.forward");
  const Context& c = context(x);
  const int64_t rows = x.rows(), cols = x.cols();
  if (x.numel() == 0) return;
  with_float_type(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      layer_norm<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, eps, x.data<T>(), gain.data<T>(),
                                                    bias.data<T>(), y.data<T>(), mean.data<T>(),
                                                    inverse_std.data<T>());
      check_launch();
    });
  });
}

void backward(const Tensor& x, const Tensor& gain, const Tensor& mean, const Tensor& inverse_std,
              const Tensor& dy, const Tensor& dx, const Tensor& dgain, const Tensor& dbias) {
  const Op op("layer_norm.backward");
  const Context& c = context(x);
  const int64_t rows = x.rows(), cols = x.cols();
  if (x.numel() == 0) {
    for (const Tensor& sum : {dgain, dbias})
      if (sum.numel() > 0) check(cudaMemsetAsync(sum.raw(), 0, static_cast<size_t>(sum.bytes()), c.stream));
    return;
  }
  const auto [segments, segment] = NormCut::of(rows, cols);
  const Tensor sums = workspace(x.device(), norm_scratch(rows, cols));
  auto* parts = static_cast<double*>(sums.raw());
  with_float_type(x.dtype(), "layer_norm", [&](auto zero) {
    using T = decltype(zero);
    with_team(c, rows, cols, [&](auto team, unsigned blocks) {
      layer_norm_dx<<<blocks, kThreads, 0, c.stream>>>(team, rows, cols, x.data<T>(), gain.data<T>(),
                                                       mean.data<T>(), inverse_std.data<T>(), dy.data<T>(),
                                                       dx.data<T>());
      check_launch();
    });
    const dim3 block(kWarp, kRowsAtATime);
    const auto across = static_cast<unsigned>(ceil_div(cols, kWarp));
    segment_sums<<<dim3(across, static_cast<unsigned>(segments)), block, 0, c.stream>>>(
        rows, cols, segment, x.data<T>(), mean.data<T>(), inverse_std.data<T>(), dy.data<T>(), parts);
    check_launch();
    sum_segments<<<dim3(across, 2), block, 0, c.stream>>>(cols, segments, parts, dgain.data<T>(),
                                                          dbias.data<T>());
    check_launch();
  });
}

}  // namespace

LayerNormKernels layer_norm_kernels() { return {.forward = forward, .backward = backward}; }

}  // namespace octet::cuda
