// Checks of CUDA, cuBLASLt and cuDNN calls, and the name of the operation they belong to.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <cudnn.h>

namespace octet::cuda {

// Where a call stands: std::source_location for compilers and tools that do not have it.
struct Source {
  const char* file;
  int line;
  static constexpr Source here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// Throw an Error of kind Device (Memory for a lack of memory) with the operation under way, the library's
// words and the place of the call.
void check(cudaError_t status, Source source = Source::here());
void check(cublasStatus_t status, Source source = Source::here());
void check(cudnnStatus_t status, Source source = Source::here());

// After a kernel launch: errors of the launch itself, and what earlier work on the device has left behind.
// Does not wait.
inline void check_launch(Source source = Source::here()) { check(cudaGetLastError(), source); }

// The operation that this thread is in, for error messages and for a profiler's timeline (NVTX). Every
// function of the kernel table begins with one; `name` is as the table's visit() gives it and must outlive
// the process.
class Op {
 public:
  explicit Op(const char* name);
  ~Op();
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

 private:
  const char* before_;
};

}  // namespace octet::cuda
