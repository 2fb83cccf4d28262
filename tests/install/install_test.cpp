#include <filesystem>

#include "core/rng.h"
#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

Outcome run_cmake(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), OCTET_CMAKE);
  Outcome outcome = run_process(arguments);
  INFO(outcome.out << outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome;
}

}  // namespace

TEST_CASE("a project finds the installed package, builds against every public header, and runs") {
  const TemporaryFolder folder;
  const std::string prefix = (folder / "prefix").string(), build = (folder / "build").string();
  run_cmake({"--install", OCTET_BINARY_DIR, "--prefix", prefix});
  const fs::path headers = fs::path(prefix) / "include" / "octet";
  REQUIRE(fs::exists(headers / "core" / "error.h"));
  CHECK(fs::exists(fs::path(prefix) / "bin" / "octet"));
  CHECK(!fs::exists(headers / "tools"));
  CHECK(!fs::exists(headers / "core" / "cpu"));

  std::vector<std::string> configure = {"-S",
                                        std::string(OCTET_SOURCE_DIR) + "/tests/install/consumer",
                                        "-B",
                                        build,
                                        "-G",
                                        "Ninja",
                                        "-DCMAKE_PREFIX_PATH=" + prefix,
                                        "-Doctet_headers=" + headers.string(),
                                        "-DCMAKE_CXX_COMPILER=" OCTET_CXX,
                                        "-DCMAKE_BUILD_TYPE=" OCTET_BUILD_TYPE};
  // A library with sanitizers in it can only be loaded by a program that has them too.
  if (*OCTET_SANITIZE) configure.emplace_back("-DCMAKE_CXX_FLAGS=-fsanitize=" OCTET_SANITIZE);
  run_cmake(configure);
  run_cmake({"--build", build, "--parallel", "2"});

  const Outcome outcome = run_process({build + "/consumer"});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out ==
        "drawn " + std::to_string(Rng(2021).below(1000)) + "\ncaught Rng::below: the range is empty\n");
}

TEST_CASE("the installed program runs from its prefix") {
  const TemporaryFolder folder;
  run_cmake({"--install", OCTET_BINARY_DIR, "--prefix", folder.path().string()});
  const Outcome outcome = run_process({(folder / "bin/octet").string(), "--version"});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("octet 0.1.0") == 0);
}
