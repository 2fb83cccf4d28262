// The main program of the GPU suites: where there is no GPU, the suite is skipped as a whole, unless
// OCTET_EXPECT_GPU=1 says that there has to be one.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/backend.h"
#include "core/error.h"
#include "tests/support/support.h"

using namespace octet;

int main(int argc, char** argv) {
  try {
    backend(Device::cuda());
  } catch (const Error& error) {
    const char* set = std::getenv("OCTET_EXPECT_GPU");
    const bool expected = set && std::string_view(set) == "1";
    const bool skip = error.kind() == ErrorKind::Device && !expected;
    std::printf("%s: %s\nsuite: 0 passed, %d failed, %d skipped\n", skip ? "skipped" : "no GPU", error.what(),
                skip ? 0 : 1, skip ? 1 : 0);
    return skip ? octet::testing::kSkipped : 1;
  }
  return octet::testing::run_suite(argc, argv);
}
