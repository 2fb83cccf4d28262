#include "tests/cuda/crash.h"

namespace octet::testing {
namespace {

__global__ void write_at(int* nowhere) { *nowhere = 1; }

}  // namespace

void write_to_nowhere(cudaStream_t stream, bool wait) {
  write_at<<<1, 1, 0, stream>>>(reinterpret_cast<int*>(64));
  if (wait) cudaStreamSynchronize(stream);
}

}  // namespace octet::testing
