// State of Adam that was never trained, for measuring codecs: seeded, and spread as training spreads it.
#pragma once

#include <cstdint>
#include <vector>

namespace octet::optim {

// Both moments of one tensor.
struct AdamState {
  std::vector<float> m, v;
};

// Gradients whose size s is log-normal from row to row and, within a row, from element to element:
//   v = s^2,  m = m_share s z,  z standard normal
// The defaults are what the embedding of the SMS experiment has after 528 steps of Adam (seed 1, lr 1e-4):
// root of the second moment with a median of 6.6e-6 and 0.44 decades between rows, 0.24 within, and m of 0.58
// s.
struct LogNormal {
  int64_t rows = 655, columns = 100;  // blocks of 256 do not fall together with rows
  double median = 6.6e-6;             // of s
  double row_decades = 0.44;          // standard deviation of log10 s between rows
  double element_decades = 0.24;      // and between the elements of a row
  double m_share = 0.58;              // root mean square of m / s
};
AdamState log_normal_state(const LogNormal& shape, uint64_t seed);

}  // namespace octet::optim
