// How a kernel reports input that it cannot use.
#pragma once

#include "cuda/context.h"

namespace octet::cuda {

// Whoever claims the fault first fills it in; the kind, written last, says that the rest is there.
__device__ inline void record(Fault* fault, Fault::Kind kind, int value, int64_t position, int64_t limit) {
  constexpr int kClaimed = -1;
  if (atomicCAS_system(&fault->kind, int{Fault::None}, kClaimed) != Fault::None) return;
  fault->value = value;
  fault->position = position;
  fault->limit = limit;
  __threadfence_system();
  *static_cast<volatile int*>(&fault->kind) = kind;
}

// value, if it is in [low, limit); else `instead`, and the fault is recorded.
__device__ inline int checked(Fault* fault, Fault::Kind kind, int value, int low, int64_t limit,
                              int64_t position, int instead) {
  if (value >= low && value < limit) return value;
  record(fault, kind, value, position, limit);
  return instead;
}

}  // namespace octet::cuda
