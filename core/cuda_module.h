// The CUDA backend is a module of its own, liboctet_cuda.so beside liboctet.so, that is loaded when a CUDA
// device is first asked for: a program that stays on the CPU needs neither toolkit nor driver and pays for
// neither.
#pragma once

#include <string>

#include "core/backend.h"

namespace octet {

// The path where the module has to be.
std::string cuda_module_path();
bool has_cuda_module();

// Loads the module at the first call, and opens each device at its first. Errors of kind Device, each saying
// what is missing: the module, a library that it needs, the driver or a newer one, the GPU, or code for its
// architecture.
const Backend& cuda_backend(Device device);

// What the module exports, under kCudaModuleEntry: its backend, or null if the loading library is of another
// version or lays a Backend out otherwise.
using CudaModuleEntry = const Backend* (*)(const char* version, size_t backend_bytes, size_t table_bytes);
constexpr const char* kCudaModuleEntry = "octet_cuda_backend";

}  // namespace octet
