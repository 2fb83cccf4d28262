#include "tests/layout/layout.h"

#include "tests/support/support.h"

using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

// A tree that keeps every rule, to plant faults in.
struct Tree {
  TemporaryFolder folder;
  Tree() {
    for (const char* name : {"CMakeLists.txt", "README.md", "LICENSE", "CMakePresets.json"}) add(name, "");
    for (const char* name : {"core", "autograd", "nn", "optim", "cuda", "datasets", "tools", "tests"})
      add(std::string(name) + "/README.md", "");
    add("core/tensor.h", "#include <vector>\n");
    add("core/cpu/matmul.h", "#include <Eigen/Core>\n");
    add("nn/linear.cpp", "#include \"core/tensor.h\"\n#include <fmt/format.h>\n");
    add(".gitignore", "");
    fs::create_directories(folder / "build");
  }
  void add(const std::string& name, const std::string& text) const {
    fs::create_directories((folder / name).parent_path());
    write_file(folder / name, text);
  }
  std::vector<std::string> faults() const { return layout_faults(folder.path()); }
};

}  // namespace

TEST_CASE("folders include only the folders below them and the top level holds the fixed entries") {
  const fs::path root(OCTET_SOURCE_DIR);
  for (const std::string& fault : layout_faults(root)) FAIL_CHECK(fault);
  CHECK(include_count(root) > 10);  // it did read the sources
}

TEST_CASE("a tree that keeps every rule has no fault") { CHECK(Tree().faults().empty()); }

TEST_CASE("a planted upward include is caught with its file and line") {
  const Tree tree;
  tree.add("core/bad.cpp", "// core is the lowest folder\n#include \"nn/linear.h\"\n");
  CHECK(tree.faults() == std::vector<std::string>{"core/bad.cpp:2: core must not include nn"});
}

TEST_CASE("sideways, angled and CUDA includes are caught as well") {
  const Tree tree;
  tree.add("nn/a.h", "#include \"optim/optimizer.h\"\n");
  tree.add("datasets/b.cpp", "  #  include <autograd/variable.h>\n");
  tree.add("cuda/c.cu", "#include \"nn/module.h\"\n");
  tree.add("tools/d.cpp", "#include \"tests/support/support.h\"\n");
  CHECK(tree.faults() == std::vector<std::string>{"cuda/c.cu:1: cuda must not include nn",
                                                  "datasets/b.cpp:1: datasets must not include autograd",
                                                  "nn/a.h:1: nn must not include optim",
                                                  "tools/d.cpp:1: tools must not include tests"});
}

TEST_CASE("a heavy library or a private header in a public header is caught") {
  const Tree tree;
  tree.add("optim/a.h", "#include <nlohmann/json.hpp>\n");
  tree.add("core/b.h", "#include \"core/cpu/matmul.h\"\n#include <cuda_runtime.h>\n");
  tree.add("nn/c.cpp", "#include <Eigen/Core>\n");
  tree.add("optim/d-inl.h", "#include <hwy/highway.h>\n");  // private, so allowed
  CHECK(tree.faults() ==
        std::vector<std::string>{"core/b.h:1: a public header must not include the private core/cpu/matmul.h",
                                 "core/b.h:2: a public header must not include cuda_runtime.h",
                                 "nn/c.cpp:1: Eigen is private to core/cpu",
                                 "optim/a.h:1: a public header must not include nlohmann/json.hpp"});
}

TEST_CASE("an include by a relative path is caught") {
  const Tree tree;
  tree.add("core/a.cpp", "#include \"tensor.h\"\n");
  CHECK(tree.faults() ==
        std::vector<std::string>{"core/a.cpp:1: include \"tensor.h\" by its path from the top"});
}

TEST_CASE("a stray entry at the top level and a missing README are caught") {
  const Tree tree;
  tree.add("notes.txt", "");
  tree.add("scripts/x.sh", "");
  fs::remove(tree.folder / "nn/README.md");
  CHECK(tree.faults() == std::vector<std::string>{"nn/README.md: is missing",
                                                  "notes.txt: does not belong at the top level",
                                                  "scripts: does not belong at the top level"});
}
