// What transfers have to know of the allocator.
#pragma once

#include "core/device.h"

namespace octet::cuda {

// True for memory of batches, which is filled on the stream for copies rather than on that of the
// computation.
bool is_upload_memory(Device device, void* data);

}  // namespace octet::cuda
