#include "tools/version.h"

#include <hwy/targets.h>

#include <string>

#include "core/cpu/level.h"
#include "core/cuda_module.h"
#include "core/error.h"

namespace octet::tools {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string build_type() {
  std::string text = OCTET_BUILD_TYPE;
  if (*OCTET_SANITIZE) text += " with sanitizers " OCTET_SANITIZE;
  return text;
}

// The GPU with its libraries, or why there is none.
std::string cuda_text() {
  if (!has_cuda_module()) return "no (liboctet_cuda.so is not beside liboctet.so)";
  try {
    return describe(Device::cuda());
  } catch (const Error& error) {
    return std::string("no (") + error.what() + ")";
  }
}

// The best of the targets that kernels are compiled for; Highway numbers them so that it is the lowest bit
// set.
const char* best_simd() {
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

}  // namespace

std::string build_text() { return OCTET_VERSION " " + build_type() + " " + compiler(); }

std::string version_text() {
  return "octet " OCTET_VERSION "\ncompiler   " + compiler() + "\nbuild      " + build_type() +
         "\nCUDA       " + cuda_text() + "\nCPU        matrix products x86-64-" + cpu::name_of(cpu::level()) +
         ", SIMD kernels " + best_simd() + "\n";
}

}  // namespace octet::tools
