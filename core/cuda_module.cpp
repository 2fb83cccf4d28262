#include "core/cuda_module.h"

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <mutex>

#include "core/error.h"

namespace octet {
namespace {

constexpr int kMaxDevices = 64;

const Backend& load() {
  const std::string path = cuda_module_path();
  require(has_cuda_module(), ErrorKind::Device, "this build of octet has no CUDA backend (", path,
          " is missing): build it where a CUDA Toolkit is installed, or use --device cpu");
  // Never closed: tensors with static lifetime may be freed after any destructor.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* why = module ? nullptr : dlerror();
  require(module, ErrorKind::Device, "the CUDA backend cannot be loaded: ", why ? why : path);
  const auto entry = reinterpret_cast<CudaModuleEntry>(dlsym(module, kCudaModuleEntry));
  const Backend* found = entry ? entry(OCTET_VERSION, sizeof(Backend), sizeof(KernelTable)) : nullptr;
  require(found, ErrorKind::Device, path, ": is of another version of octet; build both together");
  return *found;
}

}  // namespace

std::string cuda_module_path() {
  Dl_info self{};
  dladdr(reinterpret_cast<const void*>(&cuda_module_path), &self);
  const std::filesystem::path library = self.dli_fname ? self.dli_fname : "";
  return (library.parent_path() / "liboctet_cuda.so").string();
}

bool has_cuda_module() {
  std::error_code ignored;
  return std::filesystem::exists(cuda_module_path(), ignored);
}

const Backend& cuda_backend(Device device) {
  static std::array<std::atomic<const Backend*>, kMaxDevices> opened;
  require(device.index >= 0 && device.index < kMaxDevices, ErrorKind::Device, "no such device: ", device);
  auto& slot = opened[static_cast<size_t>(device.index)];
  if (const Backend* known = slot.load(std::memory_order_acquire)) return *known;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (const Backend* known = slot.load(std::memory_order_acquire)) return *known;
  static const Backend& module = load();  // tried again after an error
  module.open(device);
  slot.store(&module, std::memory_order_release);
  return module;
}

}  // namespace octet
