// A CUDA device that is asked for where there is none.
#include "core/backend.h"
#include "core/error.h"
#include "tests/tools/small_run.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

// The program on a machine without a GPU: none is shown to the driver, should there be one.
Outcome without_gpu(Arguments arguments, const std::string& program = octet_program()) {
  arguments.insert(arguments.begin(), program);
  return run_process(arguments, {"CUDA_VISIBLE_DEVICES="});
}

// The program and its library.
void copy_without_module(const TemporaryFolder& folder) {
  for (const auto& entry : fs::directory_iterator(OCTET_BINARY_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name == "octet" || name.starts_with("liboctet.so"))
      fs::copy(entry.path(), folder / name, fs::copy_options::copy_symlinks);
  }
}

// One sentence that says what is missing, and what else can be done.
void check_no_device(const Outcome& outcome) {
  INFO(outcome.err);
  CHECK(outcome.status == 7);
  CHECK(outcome.err.starts_with("octet: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  bool named = false;
  for (const char* part : {"no CUDA backend", "cannot be loaded", "driver", "no NVIDIA GPU"})
    named |= outcome.err.find(part) != std::string::npos;
  CHECK(named);
  CHECK(outcome.out.empty());
}

}  // namespace

TEST_CASE("training on a CUDA device that is not there exits 7 with one sentence and leaves nothing behind") {
  const Runs runs;
  check_no_device(run_process(runs.train("run", {"--device", "cuda"}), {"CUDA_VISIBLE_DEVICES="}));
  CHECK(!fs::exists(runs.path("run")));
  runs.trained("run", {"--epochs", "1"});
  check_no_device(without_gpu({"eval", runs.path("run"), "--device", "cuda"}));
  check_no_device(without_gpu({"predict", runs.path("run"), "--device", "cuda", "text"}));
  check_no_device(without_gpu({"bench", "ops", "--device", "cuda"}));
  check_no_device(
      without_gpu({"bench", "optimizer", "--device", "cuda", "--params", "5000", "--repeats", "1"}));
}

TEST_CASE(
    "without the module beside the library, a CUDA device is refused by its path and the CPU still works") {
  const TemporaryFolder folder;
  copy_without_module(folder);
  const std::string program = (folder / "octet").string();
  const Outcome outcome = without_gpu({"bench", "ops", "--device", "cuda"}, program);
  check_no_device(outcome);
  CHECK(outcome.err.find((folder / "liboctet_cuda.so").string() + " is missing") != std::string::npos);
  const Outcome version = without_gpu({"--version"}, program);
  CHECK(version.status == 0);
  CHECK(version.out.find("CUDA       no (liboctet_cuda.so is not beside liboctet.so)") != std::string::npos);
}

TEST_CASE("a module that is none is refused with the loader's words") {
  const TemporaryFolder folder;
  copy_without_module(folder);
  write_file(folder / "liboctet_cuda.so", "no library");
  check_no_device(without_gpu({"bench", "ops", "--device", "cuda"}, (folder / "octet").string()));
}

TEST_CASE("a precision that only a CUDA device has is refused on the CPU") {
  const Runs runs;
  for (const char* precision : {"tf32", "bf16"}) {
    const Outcome outcome = run_process(runs.train("run", {"--precision", precision}));
    INFO(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(std::string("--precision ") + precision) != std::string::npos);
    CHECK(outcome.err.find("cuda") != std::string::npos);
    CHECK(!fs::exists(runs.path("run")));
  }
}
