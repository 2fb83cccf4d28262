// What kernels of a GPU take while they run, by name of what they compute. The CPU's take nothing that the
// plan does not name.
#pragma once

#include <array>
#include <string>

#include "core/gpu_scratch.h"
#include "tools/memory_plan.h"

namespace octet::tools {

class KernelScratch {
 public:
  explicit KernelScratch(MemoryPlan& plan) : plan_(plan) {}

  void product(const std::string& name, int64_t m, int64_t n, int64_t k) {
    take("product, " + name, std::array{product_scratch(1, m, n, k, kElement)});
  }
  void sum_of_rows(const std::string& name, int64_t rows, int64_t cols) {
    take(name, std::array{sum_scratch(cols, rows, true)});
  }
  // Of those of n rows that have the same id.
  void sums_by_id(const std::string& name, int64_t n, int64_t cols) {
    take(name, EmbeddingScratch::of(n, cols, kElement));
  }
  void norm_gradient(const std::string& name, int64_t rows, int64_t cols) {
    take(name, std::array{norm_scratch(rows, cols)});
  }
  void loss(int64_t rows, bool one_logit, bool weighted) {
    const int64_t parts = one_logit ? binary_loss_parts(rows) : rows;
    take("loss", std::array<int64_t, 2>{8 * parts, weighted ? 8 : 0});
  }

 private:
  static constexpr int64_t kElement = 4;

  template <size_t N>
  void take(const std::string& name, const std::array<int64_t, N>& bytes) {
    if (plan_.on_gpu()) plan_.scratch(name, bytes);
  }

  MemoryPlan& plan_;
};

}  // namespace octet::tools
