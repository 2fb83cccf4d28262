// Division rounded up: how many parts of b it takes to cover a.
#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace octet {

// a: at least 0; b: at least 1
OCTET_HD constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace octet
