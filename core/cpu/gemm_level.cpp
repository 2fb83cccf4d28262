// Compiled once for each of x86-64-v2, -v3 and -v4 (see CMakeLists.txt), each time with Eigen's namespace
// renamed: otherwise the linker would keep one copy of Eigen's inline functions for all levels and could pick
// the widest.
#ifndef OCTET_LEVEL
#error "OCTET_LEVEL names the level: v2, v3 or v4"
#endif
#define OCTET_JOIN_(a, b) a##b
#define OCTET_JOIN(a, b) OCTET_JOIN_(a, b)
#define Eigen OCTET_JOIN(Eigen_, OCTET_LEVEL)
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG
#include <Eigen/Core>

#include "core/cpu/gemm.h"

namespace octet::cpu::OCTET_LEVEL {
namespace {

template <class T>
void run(const Gemm<T>& g) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stride = Eigen::OuterStride<>;
  using In = Eigen::Map<const Matrix, 0, Stride>;
  const In a(g.a, g.transpose_a ? g.k : g.m, g.transpose_a ? g.m : g.k, Stride(g.lda));
  const In b(g.b, g.transpose_b ? g.n : g.k, g.transpose_b ? g.k : g.n, Stride(g.ldb));
  Eigen::Map<Matrix, 0, Stride> y(g.y, g.m, g.n, Stride(g.ldy));
  const auto multiply = [&](const auto& left, const auto& right) {
    if (g.accumulate) {
      y.noalias() += left * right;
    } else {
      y.noalias() = left * right;
    }
  };
  if (g.transpose_a && g.transpose_b) multiply(a.transpose(), b.transpose());
  if (g.transpose_a && !g.transpose_b) multiply(a.transpose(), b);
  if (!g.transpose_a && g.transpose_b) multiply(a, b.transpose());
  if (!g.transpose_a && !g.transpose_b) multiply(a, b);
}

}  // namespace

void gemm(const Gemm<float>& args) { run(args); }
void gemm(const Gemm<double>& args) { run(args); }

}  // namespace octet::cpu::OCTET_LEVEL
