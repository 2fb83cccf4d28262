#include "cuda/check.h"

#include <nvtx3/nvToolsExt.h>
#include <cstring>

#include "core/error.h"

namespace octet::cuda {
namespace {

// Errors of kernels are reported by a later call, so the operation named is where the error was seen.
thread_local const char* current = nullptr;

const char* short_name(const char* file) {
  const char* found = std::strstr(file, "cuda/");
  return found ? found : file;
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
  fail_at(ErrorKind::Device, "cuDNN", cudnnGetErrorString(status), *detail ? detail : "no details", source,
          "");
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
