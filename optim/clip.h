// Clipping of the global gradient norm. Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
// neural networks", ICML 2013. The factor is applied inside the step, so clipping costs no pass of its own.
#pragma once

#include "core/host_device.h"

namespace octet::optim {

// What every gradient is multiplied by: min(1, max_norm / (norm + 1e-6)); 1 where max_norm is 0.
OCTET_HD inline double clip_scale(double norm, double max_norm) {
  if (!(max_norm > 0)) return 1.0;
  const double scale = max_norm / (norm + 1e-6);
  return scale < 1.0 ? scale : 1.0;
}

}  // namespace octet::optim
