#include "cuda/context.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "core/error.h"
#include "cuda/check.h"

namespace octet::cuda {

// probe.cu. The architecture that the code which the current device runs was compiled for, 90 for one.
cudaError_t find_code_for_current_device(int* architecture);

namespace {

std::array<std::atomic<Context*>, 64> contexts;  // never freed: tensors may outlive any destructor

// 13000 -> "13.0"
std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// 91900 -> "9.19.0", 130100 -> "13.1.0"
std::string library_version(size_t number) {
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

void require_driver() {
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver));
  check(cudaRuntimeGetVersion(&runtime));
  require(driver > 0, ErrorKind::Device, "no NVIDIA driver is installed; install one, or use --device cpu");
  require(driver / 1000 >= runtime / 1000, ErrorKind::Device, "the NVIDIA driver is too old: it runs CUDA ",
          cuda_version(driver), ", this build of octet needs ", runtime / 1000,
          ".0 or newer; update the driver");
}

void require_gpu(Device device) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    fail(ErrorKind::Device, "there is a driver, but no NVIDIA GPU",
         visible ? std::string(" among CUDA_VISIBLE_DEVICES=") + visible : "", "; use --device cpu");
  check(status);
  require(device.index < count, ErrorKind::Device, "there is no ", device, ": this machine has ", count,
          count == 1 ? " GPU" : " GPUs");
}

// The architecture of the code.
int require_code(Device device, const cudaDeviceProp& gpu) {
  int architecture = 0;
  const cudaError_t status = find_code_for_current_device(&architecture);
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
      status == cudaErrorUnsupportedPtxVersion)
    fail(ErrorKind::Device, device, " (", gpu.name, ") is of architecture ", gpu.major, gpu.minor,
         ", this build has code for " OCTET_CUDA_ARCHITECTURES "; build with -DOCTET_CUDA_ARCHITECTURES=",
         gpu.major, gpu.minor);
  check(status);
  return architecture;
}

// Makes it this thread's device; what the runtime was last told is remembered, because asking it costs time.
void make_current(int index) {
  thread_local int current = -1;
  if (current == index) return;
  check(cudaSetDevice(index));
  current = index;
}

}  // namespace

Context& context(Device device) {
  Context* found = contexts[static_cast<size_t>(device.index)].load(std::memory_order_acquire);
  require(found, ErrorKind::Internal, device, " was not opened");
  make_current(device.index);
  return *found;
}

const Context* opened(Device device) noexcept {
  return contexts[static_cast<size_t>(device.index)].load(std::memory_order_acquire);
}

void open(Device device) {
  // The LSTM of cuDNN multiplies on several streams of its own; without workspaces of fixed sizes, cuBLAS may
  // add in another order from run to run.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:2", 0);
  require_driver();
  require_gpu(device);
  make_current(device.index);
  cudaDeviceProp gpu{};
  check(cudaGetDeviceProperties(&gpu, device.index));
  const int architecture = require_code(device, gpu);
  auto made = std::make_unique<Context>();
  made->device = device.index;
  made->multiprocessors = gpu.multiProcessorCount;
  made->early_launches = architecture >= 90;
  check(cudaStreamCreateWithFlags(&made->stream, cudaStreamNonBlocking));
  check(cudaStreamCreateWithFlags(&made->copies, cudaStreamNonBlocking));
  check(cublasLtCreate(&made->blas));
  check(cudnnCreate(&made->dnn));
  check(cudnnSetStream(made->dnn, made->stream));
  check(cudaHostAlloc(&made->fault, sizeof(Fault), cudaHostAllocMapped));
  *made->fault = {};
  check(cudaHostGetDevicePointer(&made->device_fault, made->fault, 0));
  contexts[static_cast<size_t>(device.index)].store(made.release(), std::memory_order_release);
}

std::string describe(Device device) {
  context(device);
  cudaDeviceProp gpu{};
  check(cudaGetDeviceProperties(&gpu, device.index));
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver));
  check(cudaRuntimeGetVersion(&runtime));
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.03  Tue ...": the first word that is a version.
  std::string kernel_driver, word;
  for (std::ifstream file("/proc/driver/nvidia/version"); kernel_driver.empty() && file >> word;)
    if (std::isdigit(static_cast<unsigned char>(word[0])) && word.find('.') != std::string::npos)
      kernel_driver = word + ", ";
  std::ostringstream text;
  text.precision(1);
  text << std::fixed << device << " " << gpu.name << " (architecture " << gpu.major << gpu.minor << ", "
       << gpu.multiProcessorCount << " multiprocessors, "
       << static_cast<double>(gpu.totalGlobalMem) / (1 << 30) << " GiB), driver " << kernel_driver << "CUDA "
       << cuda_version(driver) << "; runtime " << cuda_version(runtime) << ", cuDNN "
       << library_version(cudnnGetVersion()) << " (compiled with " << library_version(CUDNN_VERSION)
       << "), cuBLASLt " << library_version(cublasLtGetVersion()) << " (compiled with "
       << library_version(CUBLAS_VERSION) << ")";
  return text.str();
}

}  // namespace octet::cuda
