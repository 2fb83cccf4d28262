// What the program says of the NVIDIA driver that it finds, by a driver that is made up.
#include "tests/tools/small_run.h"

using namespace octet::testing;

namespace {

// `version`: 12040 is CUDA 12.4.
Outcome with_driver(const std::string& version) {
  const std::string folder =
      (std::filesystem::path(octet_program()).parent_path() / "tests/fake_driver").string();
  return run_process({octet_program(), "bench", "ops", "--device", "cuda"},
                     {"OCTET_FAKE_DRIVER=" + version, "LD_LIBRARY_PATH=" + folder});
}

}  // namespace

TEST_CASE("a driver that is older than the toolkit is named with both versions") {
  for (const auto& [version, text] : {std::pair{"12040", "12.4"}, {"11080", "11.8"}}) {
    const Outcome outcome = with_driver(version);
    INFO(outcome.err);
    CHECK(outcome.status == 7);
    CHECK(outcome.err.starts_with("octet: the NVIDIA driver is too old: it runs CUDA " + std::string(text) +
                                  ", this build of octet needs "));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("a new enough driver without a GPU is said to be there") {
  const Outcome outcome = with_driver("990000");
  INFO(outcome.err);
  CHECK(outcome.status == 7);
  CHECK(outcome.err == "octet: there is a driver, but no NVIDIA GPU; use --device cpu\n");
}

TEST_CASE("a driver of version 0 is none") {
  const Outcome outcome = with_driver("0");
  INFO(outcome.err);
  CHECK(outcome.status == 7);
  CHECK(outcome.err == "octet: no NVIDIA driver is installed; install one, or use --device cpu\n");
}
