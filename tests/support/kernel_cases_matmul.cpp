#include "tests/support/kernel_stage.h"

namespace octet::testing {
namespace {

struct Product {
  int64_t batch, m, k, n;
  bool transpose_a, transpose_b, bias, shared_b;  // shared_b: one b for the whole batch
};

void add_product(Cases& cases, const Product& p) {
  const Shape a_shape = p.transpose_a ? Shape{p.batch, p.k, p.m} : Shape{p.batch, p.m, p.k};
  const int64_t b_batch = p.shared_b ? 1 : p.batch;
  const Shape b_shape = p.transpose_b ? Shape{b_batch, p.n, p.k} : Shape{b_batch, p.k, p.n};
  const std::string what = a_shape.text() + (p.transpose_a ? "^T x " : " x ") + b_shape.text() +
                           (p.transpose_b ? "^T" : "") + (p.bias ? " + bias" : "");
  add_case(cases, "matmul.batched", what, [=](Stage& s) {
    const Values a = random_values(a_shape.numel(), -1, 1, 1), b = random_values(b_shape.numel(), -1, 1, 2),
                 bias = random_values(p.n, -1, 1, 3);
    const auto at_a = [&](int64_t i, int64_t row, int64_t k) {
      return a[static_cast<size_t>(i * p.m * p.k + (p.transpose_a ? k * p.m + row : row * p.k + k))];
    };
    const auto at_b = [&](int64_t i, int64_t k, int64_t col) {
      const int64_t of = p.shared_b ? 0 : i;
      return b[static_cast<size_t>(of * p.k * p.n + (p.transpose_b ? col * p.k + k : k * p.n + col))];
    };
    Values expected;
    for (int64_t i = 0; i < p.batch; ++i)
      for (int64_t row = 0; row < p.m; ++row)
        for (int64_t col = 0; col < p.n; ++col) {
          double sum = p.bias ? bias[static_cast<size_t>(col)] : 0;
          for (int64_t k = 0; k < p.k; ++k) sum += at_a(i, row, k) * at_b(i, k, col);
          expected.push_back(sum);
        }
    const Tensor y = s.out({p.batch, p.m, p.n});
    s.kernels().matmul.batched({s.in(a, a_shape), s.in(b, b_shape), y, p.bias ? s.in(bias, {p.n}) : Tensor(),
                                p.transpose_a, p.transpose_b});
    s.expect("y", y, expected);
  });
}

}  // namespace

void add_matmul_cases(Cases& cases) {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      add_product(cases, {1, 1, 1, 1, ta, tb, false, false});
      add_product(cases, {2, 3, 4, 5, ta, tb, true, false});
      add_product(cases, {3, 1, 7, 1, ta, tb, false, false});
      add_product(cases, {3, 5, 2, 3, ta, tb, true, true});
      add_product(cases, {1, 301, 65, 129, ta, tb, true, false});
      add_product(cases, {2, 97, 33, 130, ta, tb, false, true});
    }
  add_product(cases, {2, 3, 0, 4, false, false, true, false});  // nothing to add up
  add_product(cases, {2, 3, 0, 4, false, false, false, false});
}

}  // namespace octet::testing
