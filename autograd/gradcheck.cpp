#include "autograd/gradcheck.h"

#include <cmath>
#include <sstream>

#include "autograd/functions.h"
#include "core/rng.h"

namespace octet {

std::string gradcheck(const std::function<Variable(const std::vector<Variable>&)>& function,
                      const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  std::vector<Variable> leaves;
  for (const Tensor& input : inputs) {
    require(input.dtype() == DType::F64, "gradcheck: inputs must be f64, got ", input.dtype());
    leaves.push_back(Variable::leaf(input.clone(MemoryTag::Data)));
  }
  Tensor weights;
  const auto weighted = [&] {
    const Variable value = function(leaves);
    if (!weights.defined()) {
      Rng rng(20260101);
      std::vector<double> w(static_cast<size_t>(value.value().numel()));
      for (double& x : w) x = rng.uniform() + 0.5;
      weights = Tensor::from(w, value.shape());
    }
    return sum(value * Variable(weights));
  };
  weighted().backward();

  std::ostringstream worst;
  double worst_excess = 0;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const std::vector<double> gradient = leaves[i].grad().to_vector<double>();
    const auto values = leaves[i].value().span<double>();
    for (size_t j = 0; j < values.size(); ++j) {
      const NoGrad no_grad;
      const double x = values[j];
      values[j] = x + options.eps;
      const double above = weighted().value().item();
      values[j] = x - options.eps;
      const double below = weighted().value().item();
      values[j] = x;
      const double numeric = (above - below) / (2 * options.eps);
      const double excess =
          std::abs(gradient[j] - numeric) - (options.atol + options.rtol * std::abs(numeric));
      if (excess > worst_excess || std::isnan(excess)) {
        worst_excess = std::isnan(excess) ? HUGE_VAL : excess;
        worst.str("");
        worst << "input " << i << " " << inputs[i].shape() << ", element " << j << ": backward gives "
              << gradient[j] << ", differences give " << numeric;
      }
    }
  }
  return worst.str();
}

}  // namespace octet
