// The kernel table of the CUDA backend, entry by entry, against references in float64.
#include <set>

#include "core/backend.h"
#include "core/error.h"
#include "tests/support/kernel_cases.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

const Device kGpu = Device::cuda();

template <class Wanted>
void check_all(DType dtype, double tolerance, Wanted wanted) {
  for (const KernelCase& c : kernel_cases()) {
    if (!wanted(c.entry)) continue;
    CAPTURE(c.entry);
    CAPTURE(c.what);
    try {
      for (const KernelOutput& output : c.run(kGpu, dtype)) CHECK(disagreement(output, tolerance) == "");
    } catch (const Error& error) {
      FAIL_CHECK(error.what());  // the other entries are worth knowing about
    }
  }
}

// Where the arithmetic of matrix products may be chosen.
bool has_products(const std::string& entry) {
  return entry.starts_with("matmul.") || entry.starts_with("recurrent.");
}

struct Precision {
  explicit Precision(MatmulPrecision precision) { set_precision(kGpu, precision); }
  ~Precision() { set_precision(kGpu, MatmulPrecision::Fp32); }
};

}  // namespace

TEST_CASE("the CUDA backend lacks no entry of the kernel table and nothing else that training needs") {
  const Backend& b = backend(kGpu);
  REQUIRE(b.kernels != nullptr);
  const auto check_there = [](const char* name, const auto& entry) {
    const bool there = entry != nullptr;
    CHECK_MESSAGE(there, name << " is missing");
  };
  b.kernels->visit(check_there);
  check_there("allocate", b.allocate), check_there("deallocate", b.deallocate);
  check_there("upload", b.upload), check_there("copy_from_host", b.copy_from_host);
  check_there("copy_to_host", b.copy_to_host), check_there("synchronize", b.synchronize);
  check_there("steps", b.steps), check_there("open", b.open);
  check_there("set_precision", b.set_precision), check_there("describe", b.describe);
  check_there("push_range", b.push_range), check_there("pop_range", b.pop_range);
}

TEST_CASE("every entry of the kernel table has cases that run on the GPU") {
  std::set<std::string> covered;
  for (const KernelCase& c : kernel_cases()) covered.insert(c.entry);
  kernels(kGpu).visit([&](const std::string& name, const auto&) {
    CHECK_MESSAGE(covered.count(name), name << " has no case");
  });
}

TEST_CASE("every kernel agrees with a float64 reference to 1e-5 in float32") {
  check_all(DType::F32, 1e-5, [](const std::string&) { return true; });
}

TEST_CASE("every kernel agrees with a float64 reference to 1e-10 in float64") {
  check_all(DType::F64, 1e-10, [](const std::string&) { return true; });
}

TEST_CASE("matrix products and LSTMs agree with a float64 reference to 3e-3 in tf32") {
  const Precision tf32(MatmulPrecision::Tf32);
  check_all(DType::F32, 3e-3, has_products);
}

TEST_CASE("matrix products and LSTMs agree with a float64 reference to 1e-2 in bf16") {
  const Precision bf16(MatmulPrecision::Bf16);
  check_all(DType::F32, 1e-2, has_products);
}

TEST_CASE("fp32 is what the device computes in again after another precision was chosen") {
  { const Precision bf16(MatmulPrecision::Bf16); }
  check_all(DType::F32, 1e-5, has_products);
}

TEST_CASE("every kernel gives the same bytes each time") {
  for (const KernelCase& c : kernel_cases()) {
    CAPTURE(c.entry);
    CAPTURE(c.what);
    const std::vector<KernelOutput> first = c.run(kGpu, DType::F32), second = c.run(kGpu, DType::F32);
    REQUIRE(first.size() == second.size());
    for (size_t i = 0; i < first.size(); ++i) CHECK((first[i].actual == second[i].actual));
  }
}

TEST_CASE("the device is described by its model, driver and libraries") {
  const std::string text = describe(kGpu);
  CAPTURE(text);
  for (const char* part : {"driver", "cuDNN", "cuBLAS"}) CHECK(text.find(part) != std::string::npos);
}
