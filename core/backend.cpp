#include "core/backend.h"

#include "core/cpu/backend.h"
#include "core/cuda_module.h"
#include "core/error.h"

namespace octet {

const Backend& backend(Device device) { return device.is_cpu() ? cpu::backend() : cuda_backend(device); }

void set_precision(Device device, MatmulPrecision precision) {
  const Backend& b = backend(device);
  require(b.set_precision || precision == MatmulPrecision::Fp32, ErrorKind::Usage, device,
          ": computes in fp32 alone; other precisions need a CUDA device");
  if (b.set_precision) b.set_precision(device, precision);
}

std::string describe(Device device) {
  const Backend& b = backend(device);
  return b.describe ? b.describe(device) : device.name();
}

}  // namespace octet
