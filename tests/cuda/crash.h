#pragma once

#include <cuda_runtime.h>

namespace octet::testing {

// Launches a kernel that writes to an address that is nobody's, which breaks the device's context for this
// process.
void write_to_nowhere(cudaStream_t stream, bool wait);

}  // namespace octet::testing
