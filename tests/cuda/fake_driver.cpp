// libcuda.so.1 of a driver that has no GPU, for the version that $OCTET_FAKE_DRIVER names (12040 is
// CUDA 12.4). The CUDA runtime finds it through LD_LIBRARY_PATH, and asks it for its functions by name.
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kNoDevice = 100;

int init(unsigned) { return kNoDevice; }
int anything() { return kNoDevice; }

}  // namespace

extern "C" {

int cuDriverGetVersion(int* version) {
  const char* set = std::getenv("OCTET_FAKE_DRIVER");
  *version = set ? std::atoi(set) : 0;
  return 0;
}
int cuInit(unsigned flags) { return init(flags); }
int cuGetProcAddress_v2(const char* name, void** function, int, unsigned long long, int* found) {
  *function = reinterpret_cast<void*>(&anything);
  if (std::strcmp(name, "cuDriverGetVersion") == 0) *function = reinterpret_cast<void*>(&cuDriverGetVersion);
  if (std::strcmp(name, "cuInit") == 0) *function = reinterpret_cast<void*>(&cuInit);
  if (std::strcmp(name, "cuGetProcAddress") == 0) *function = reinterpret_cast<void*>(&cuGetProcAddress_v2);
  if (found) *found = 0;
  return 0;
}
int cuGetProcAddress(const char* name, void** function, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, nullptr);
}

}  // extern "C"
