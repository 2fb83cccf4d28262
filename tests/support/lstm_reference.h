// An LSTM and its gradients in plain loops over single sequences: no packing, no matrix products.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernels.h"

namespace octet::testing {

struct LstmProblem {
  LstmConfig config;
  std::vector<int64_t> lengths;  // longest first
  // Everything flat, in the layouts of LstmForward and LstmBackward; x has one row a packed row.
  std::vector<double> x;
  std::vector<double> h0, c0;                // empty: zeros
  std::vector<std::vector<double>> weights;  // four a cell
  std::vector<double> dy, dh_n, dc_n;        // empty: nothing flows back

  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t total() const;
  // The packed row of step `step` of sequence `sequence`.
  int64_t row(int64_t sequence, int64_t step) const;
};

struct LstmReference {
  std::vector<double> y, h_n, c_n;
  std::vector<double> dx, dh0, dc0;
  std::vector<std::vector<double>> dweights;

  explicit LstmReference(const LstmProblem& problem);
};

}  // namespace octet::testing
