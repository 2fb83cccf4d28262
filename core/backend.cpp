#include "core/backend.h"

#include "core/cpu/backend.h"
#include "core/error.h"

namespace octet {

const Backend& backend(Device device) {
  if (device.is_cpu()) return cpu::backend();
  fail(ErrorKind::Device, device, ": this build of octet has no CUDA backend; use --device cpu");
}

}  // namespace octet
