// A backend is a device's memory and its table of kernels. The CPU backend is always there; the CUDA backend
// is a module that is loaded when a CUDA device is first asked for.
#pragma once

#include <cstdint>
#include <string>

#include "core/kernels.h"

namespace octet {

namespace optim {
struct StepTable;  // update kernels by rule and codec; optim/ knows what is in it
}

// The arithmetic of matrix products; tensors stay what they are.
enum class MatmulPrecision : uint8_t { Fp32, Tf32, Bf16 };

struct Backend {
  // Errors: kind Memory with the request, what is live by tag and the limit.
  void* (*allocate)(Device device, int64_t bytes, MemoryTag tag) = nullptr;
  void (*deallocate)(Device device, void* data, int64_t bytes, MemoryTag tag) = nullptr;
  // As copy_from_host, into memory just allocated that nothing was done with: the copy may overtake
  // computation.
  void (*upload)(Device device, void* to, const void* from, int64_t bytes) = nullptr;
  // `from` may be changed as soon as the call returns; the copy itself may still be under way, but whatever
  // is computed after it sees it.
  void (*copy_from_host)(Device device, void* to, const void* from, int64_t bytes) = nullptr;
  // Waits for what was computed before. Errors: what went wrong in it, such as a token id that is no row.
  void (*copy_to_host)(Device device, void* to, const void* from, int64_t bytes) = nullptr;
  void (*synchronize)(Device device) = nullptr;  // waits for everything; errors as copy_to_host
  const KernelTable* kernels = nullptr;
  const optim::StepTable* steps = nullptr;  // null for the CPU, whose steps optim/ has itself
  // The rest may be null, which a CPU leaves it.
  void (*open)(Device device) = nullptr;  // once before all else. Errors, kind Device: why it cannot be used
  void (*set_precision)(Device device, MatmulPrecision precision) = nullptr;  // null: fp32 is all there is
  std::string (*describe)(Device device) = nullptr;  // model, driver and library versions, for people
  void (*push_range)(const char* name) = nullptr;    // a named stretch of time in a profiler's picture
  void (*pop_range)() = nullptr;
};

// Errors: kind Device when there is no such device, saying what is missing.
const Backend& backend(Device device);
inline const KernelTable& kernels(Device device) { return *backend(device).kernels; }
inline const KernelTable& kernels(const Tensor& x) { return kernels(x.device()); }

// Errors: kind Usage when the device computes in fp32 alone.
void set_precision(Device device, MatmulPrecision precision);
// What a person should know of the device: "cpu", or GPU, driver and library versions.
std::string describe(Device device);

// Names what happens during its life in a profiler's timeline, where the device has one, and for the observer
// of the device's ledger, if there is one.
class ProfileRange {
 public:
  ProfileRange(Device device, const char* name) : backend_(&backend(device)), ledger_(&ledger(device)) {
    ledger_->entered(name);
    if (backend_->push_range) backend_->push_range(name);
  }
  ~ProfileRange() {
    ledger_->left();
    if (backend_->pop_range) backend_->pop_range();
  }
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  const Backend* backend_;
  MemoryLedger* ledger_;
};

}  // namespace octet
