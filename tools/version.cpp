#include "tools/version.h"

#include <hwy/targets.h>

#include <filesystem>

#include "core/cpu/level.h"

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

// The CUDA backend is a module beside the program; it is there or it is not.
bool has_cuda_module() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return false;
  const auto folder = program.parent_path();
  return std::filesystem::exists(folder / "liboctet_cuda.so", error) ||
         std::filesystem::exists(folder / ".." / "lib" / "liboctet_cuda.so", error);
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
         "\nCUDA       " + (has_cuda_module() ? "yes" : "no (liboctet_cuda.so is not beside the program)") +
         "\nCPU        matrix products x86-64-" + cpu::name_of(cpu::level()) + ", SIMD kernels " +
         best_simd() + "\n";
}

}  // namespace octet::tools
