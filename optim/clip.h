// Clipping of gradients, in this order:
//   1. by value: every element to [-max_value, max_value]
//   2. by the norm that all gradients then have together: one factor on every element, the smaller of
//      min(1, max_norm / (norm + 1e-6)) (Pascanu, Mikolov and Bengio, "On the difficulty of training
//      recurrent neural networks", ICML 2013) and, under percentile clipping, min(1, limit / norm).
// Elements and factor are applied inside the step, so clipping costs no pass of its own. A gradient that is
// not finite is one before it is clipped.
//
// Percentile clipping, as bitsandbytes once had it for each tensor, takes for `limit` a percentile of the
// norms of the last 100 good steps, this one included: of the n <= 100 norms in ascending order the one at
// index floor(percentile n / 100). So the first step is never clipped, and until there are 100 the percentile
// is of those there are. The norms kept are those before the factor; skipped steps leave none.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace octet::optim {

// x limited to [-bound, bound], which is one instruction a side; NaN becomes -bound.
template <class T>
OCTET_HD inline T limited(T x, T bound) {
#ifdef __CUDA_ARCH__
  return fmin(fmax(x, -bound), bound);
#else
  const T above = x > -bound ? x : -bound;
  return above < bound ? above : bound;
#endif
}

// The same, but for a value that is not finite something that is not finite either.
template <class T>
OCTET_HD inline T limited_if_finite(T x, T bound) {
  return limited(x, bound) + (x - x);
}

struct NormClipping {
  double max_norm = 0;    // 0: none
  double percentile = 0;  // 0 or 100: none
};

// The squared norms of the last steps, twice: as they came and in ascending order. Insertion moves at most
// all of them by one, which a single thread of a GPU does in a microsecond.
struct NormHistory {
  static constexpr int kLength = 100;
  int64_t count = 0;  // steps recorded in all; step number s is at place s % kLength of `recent`
  double recent[kLength] = {};
  double sorted[kLength] = {};

  OCTET_HD int size() const { return static_cast<int>(count < kLength ? count : kLength); }

  OCTET_HD void add(double squared_norm) {
    double& oldest = recent[count % kLength];
    int place = size();  // the gap in `sorted`
    if (place == kLength)
      for (place = 0; sorted[place] != oldest;) ++place;
    oldest = squared_norm;
    ++count;
    for (; place > 0 && sorted[place - 1] > squared_norm; --place) sorted[place] = sorted[place - 1];
    for (; place + 1 < size() && sorted[place + 1] < squared_norm; ++place) sorted[place] = sorted[place + 1];
    sorted[place] = squared_norm;
  }

  // Of those kept, at least one.
  OCTET_HD double squared_limit(double percentile) const {
    const int place = static_cast<int>(percentile * size() / 100);
    return sorted[place < size() ? place : size() - 1];
  }
};

// What every gradient is multiplied by: min(1, max_norm / (norm + 1e-6)); 1 where max_norm is 0.
OCTET_HD inline double clip_scale(double norm, double max_norm) {
  if (!(max_norm > 0)) return 1.0;
  const double scale = max_norm / (norm + 1e-6);
  return scale < 1.0 ? scale : 1.0;
}

// The same for gradients whose squares sum to this, which joins the history under percentile clipping.
OCTET_HD inline double clip_scale(double sum_of_squares, const NormClipping& clipping, NormHistory& history) {
  using std::sqrt;
  const double norm = sqrt(sum_of_squares);
  double scale = clip_scale(norm, clipping.max_norm);
  if (clipping.percentile > 0 && clipping.percentile < 100) {
    history.add(sum_of_squares);
    const double limit = sqrt(history.squared_limit(clipping.percentile));
    if (norm > limit && limit / norm < scale) scale = limit / norm;
  }
  return scale;
}

}  // namespace octet::optim
