// Matrix products on one thread, compiled once a CPU level and chosen when the program starts. Eigen does the
// work; it cannot choose at run time itself.
#pragma once

#include <cstdint>

namespace octet::cpu {

// y [m, n] = a b, or y += a b. All row-major with a distance between rows (ld); a is [m, k] or, transposed,
// [k, m]; b is [k, n] or, transposed, [n, k].
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t lda;
  bool transpose_a;
  const T* b;
  int64_t ldb;
  bool transpose_b;
  T* y;
  int64_t ldy;
  bool accumulate;
};

void gemm(const Gemm<float>& args);
void gemm(const Gemm<double>& args);

}  // namespace octet::cpu
