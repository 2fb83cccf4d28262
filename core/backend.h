// A backend is a device's memory and its table of kernels. The CPU backend is always there; the CUDA backend
// is a module that is loaded when a CUDA device is first asked for.
#pragma once

#include <cstdint>

#include "core/kernels.h"

namespace octet {

namespace optim {
struct StepTable;  // update kernels by rule and codec; optim/ knows what is in it
}

struct Backend {
  const char* name = nullptr;
  // Errors: kind Memory with the request, what is live by tag and the limit.
  void* (*allocate)(Device device, int64_t bytes, MemoryTag tag) = nullptr;
  void (*deallocate)(Device device, void* data, int64_t bytes, MemoryTag tag) = nullptr;
  void (*copy_from_host)(Device device, void* to, const void* from, int64_t bytes) = nullptr;
  void (*copy_to_host)(Device device, void* to, const void* from, int64_t bytes) = nullptr;
  void (*synchronize)(Device device) = nullptr;
  const KernelTable* kernels = nullptr;
  const optim::StepTable* steps = nullptr;  // null for the CPU, whose steps optim/ has itself
};

// Errors: kind Device when there is no such device, saying what is missing.
const Backend& backend(Device device);
inline const KernelTable& kernels(Device device) { return *backend(device).kernels; }
inline const KernelTable& kernels(const Tensor& x) { return kernels(x.device()); }

}  // namespace octet
