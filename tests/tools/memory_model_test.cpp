// What is told of a run's memory beforehand, beside what the ledger then counts.
#include <cstdio>
#include <map>

#include "tests/tools/memory_cases.h"
#include "tools/model.h"
#include "tools/model_shapes.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

const MemoryCases& cases() {
  static const MemoryCases cases;
  return cases;
}

void check_all(const std::vector<MemoryCase>& all) {
  const bool shown = std::getenv("OCTET_SHOW") != nullptr;
  for (const MemoryCase& c : all) {
    const std::string line = check_prediction(c, load_text_data(c.config));
    if (shown) std::printf("%s\n", line.c_str());
  }
}

}  // namespace

TEST_CASE("memory is predicted tag by tag for every task and model") { check_all(cases().models("cpu")); }

TEST_CASE("memory is predicted tag by tag for every task, rule and codec") {
  check_all(cases().states("cpu", true));
}

TEST_CASE("the parameters of a model are known without it") {
  for (const MemoryCase& c : cases().models("cpu")) {
    INFO(c.name);
    for (const int64_t outputs : {1, 5}) {
      const auto model = make_model(c.config, 37, outputs, Init{Rng(1)});
      const std::vector<NamedParameter> real = model->parameters();
      const std::vector<ModelParameter> told = model_parameters(c.config, 37, outputs);
      REQUIRE(real.size() == told.size());
      for (size_t i = 0; i < real.size(); ++i) {
        CHECK(real[i].name == told[i].name);
        CHECK(real[i].variable.shape() == told[i].shape);
        CHECK(real[i].variable.dtype() == told[i].dtype);
        CHECK(real[i].variable.is_leaf() == told[i].trained);
        CHECK(real[i].full_precision_state == told[i].full_precision_state);
      }
    }
  }
}
