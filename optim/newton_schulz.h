// The products of Muon (rules/muon.h): a matrix X of norm at most 1 becomes nearly orthogonal, U V^T of its
// singular value decomposition but for singular values that lie in about [0.7, 1.2]. Five times
//   A = X X^T;  X = a X + (b A + c A A) X
// with coefficients that raise small singular values quickly rather than converge (Jordan et al., 2024). Of a
// matrix with more rows than columns A is X^T X, on the other side of X. Products and sums are those of the
// device's kernel table, in the matrix's own type: fp32 where PyTorch has bfloat16.
#pragma once

#include "core/tensor.h"

namespace octet::optim {

class NewtonSchulz {
 public:
  static constexpr int kIterations = 5;
  static constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;

  // Of the scratch that a matrix needs: itself, a product of its shape, two of its smaller side's square.
  static int64_t scratch_bytes(const Shape& shape, DType dtype);
  // scratch: [at least scratch_bytes] u8, which matrices that take turns may share.
  NewtonSchulz(const Tensor& scratch, const Shape& shape, DType dtype);

  void* matrix() const { return x_.raw(); }
  // Makes the matrix orthogonal, times `scale`. Waits for nothing.
  void run(double scale) const;

 private:
  Tensor x_, y_;  // [1, rows, columns]
  Tensor a_, b_;  // [1, side, side]
};

}  // namespace octet::optim
