#include "cuda/check.h"

#include <nvtx3/nvToolsExt.h>
#include <cstring>

#include "core/error.h"

namespace octet::cuda {
namespace {

// Errors of kernels are reported by a later call, so the operation named is where the error was seen.
thread_local const char* current = nullptr;

// From the last "cuda/" on: where the project lies is nobody's business.
const char* short_name(const char* file) {
  const char* name = file;
  for (const char* at = file; (at = std::strstr(at, "cuda/")); ++at) name = at;
  return name;
}

[[noreturn]] void fail_at(ErrorKind kind, const char* library, const char* name, const char* text,
                          Source source, const char* hint) {
  fail(kind, current ? current : "cuda", ": ", library, " failed: ", text, " (", name, ", at ",
       short_name(source.file), ":", source.line, ")", hint);
}

}  // namespace

void check(cudaError_t status, Source source) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // reported here, not by the next launch as well; what broke the device comes back
                       // anyway
  const bool memory = status == cudaErrorMemoryAllocation;
  fail_at(memory ? ErrorKind::Memory : ErrorKind::Device, "CUDA", cudaGetErrorName(status),
          cudaGetErrorString(status), source,
          memory ? "" : "; if a kernel is at fault, CUDA_LAUNCH_BLOCKING=1 names the operation exactly");
}

void check(cublasStatus_t status, Source source) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  fail_at(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorKind::Memory : ErrorKind::Device, "cuBLASLt",
          cublasLtGetStatusName(status), cublasLtGetStatusString(status), source, "");
}

void check(cudnnStatus_t status, Source source) {
  if (status == CUDNN_STATUS_SUCCESS) [[likely]]
    return;
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof detail);
  detail[std::strcspn(detail, "\n")] = '\0';  // its first line says it
  const bool memory = status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  fail_at(memory ? ErrorKind::Memory : ErrorKind::Device, "cuDNN", cudnnGetErrorString(status),
          *detail ? detail : "no details", source, "");
}

Op::Op(const char* name) : before_(current) {
  current = name;
  nvtxRangePushA(name);
}

Op::~Op() {
  current = before_;
  nvtxRangePop();
}

}  // namespace octet::cuda
