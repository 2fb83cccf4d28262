// What octet memory tells of a GPU run beforehand, beside what the GPU's ledger then counts. With
// OCTET_SHOW=1 it prints a line a case: predicted and measured peak, and the difference of every tag.
#include <cstdio>
#include <cstdlib>

#include "tests/tools/memory_cases.h"

using namespace octet;
using namespace octet::testing;

namespace {

void check_all(const std::vector<MemoryCase>& all) {
  for (const MemoryCase& c : all) {
    const std::string line = check_prediction(c, tools::load_text_data(c.config));
    if (std::getenv("OCTET_SHOW")) std::printf("%s\n", line.c_str());
  }
}

}  // namespace

TEST_CASE("memory of a GPU is predicted tag by tag for every task and model") {
  const MemoryCases cases;
  check_all(cases.models("cuda"));
}

TEST_CASE("memory of a GPU is predicted tag by tag for every task and codec") {
  const MemoryCases cases;
  check_all(cases.states("cuda", false));
}
