// The device that a flag names.
#pragma once

#include <string>

#include "core/device.h"

namespace octet::tools {

// "cpu" or "cuda", made ready with that arithmetic of matrix products ("fp32", "tf32", "bf16"). Errors: kind
// Device, saying what is missing; Usage for a precision that the device has not.
Device open_device(const std::string& name, const std::string& precision = "fp32");

}  // namespace octet::tools
