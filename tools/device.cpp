#include "tools/device.h"

#include <algorithm>
#include <iterator>

#include "core/backend.h"
#include "core/error.h"
#include "tools/config.h"

namespace octet::tools {

Device open_device(const std::string& name, const std::string& precision) {
  const Device device = name == "cuda" ? Device::cuda() : Device::cpu();
  const auto place =
      std::find(std::begin(kPrecisions), std::end(kPrecisions), precision) - std::begin(kPrecisions);
  require(!device.is_cpu() || place == 0, ErrorKind::Usage, "--precision ", precision,
          ": the CPU computes in fp32 alone; add --device cuda");
  set_precision(device, static_cast<MatmulPrecision>(place));
  return device;
}

}  // namespace octet::tools
