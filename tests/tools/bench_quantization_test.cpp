// octet bench quantization, run as users run it, on few steps and small sets.
#include <map>

#include "tests/tools/small_run.h"

using namespace octet::testing;

namespace {

std::vector<Json> quantization(const Arguments& arguments) {
  const Outcome outcome = run_octet(Arguments{"bench", "quantization", "--json"} + arguments);
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  return events_in(outcome.out);
}

// Every gap of the paper's order, by its measure, is wide enough.
void check_gaps(const std::vector<Json>& lines) {
  int gaps = 0;
  for (const Json& line : lines) {
    if (!line.contains("gap")) continue;
    ++gaps;
    INFO(line.dump());
    CHECK(line["mean"].get<double>() > 0);
    CHECK(line["in_standard_errors"].get<double>() >= 3);
  }
  CHECK(gaps == 6);
}

}  // namespace

TEST_CASE(
    "on made state block-wise dynamic beats tensor-wise dynamic beats linear, by three standard errors") {
  const std::vector<Json> lines = quantization({"--states", "lognormal", "--sets", "8"});
  check_gaps(lines);
  std::map<std::string, Json> by_name;
  for (const Json& line : lines)
    if (line.contains("storage")) by_name[line["storage"]] = line;
  CHECK(by_name.size() == 7);
  for (const auto& [name, line] : by_name) {
    INFO(name);
    CHECK(line["states"] == "lognormal");
    CHECK(line["units"] == 8);
    CHECK(line["elements"] == 65500);
    CHECK(!line.contains("generated"));
    for (const char* measure : {"error_m", "error_v", "error_m_of_absmax", "relative_m", "adam_error"}) {
      CHECK(line[measure]["mean"].get<double>() > 0);
      CHECK(line[measure]["standard_error"].get<double>() > 0);
    }
  }
  CHECK(by_name["bf16"]["bytes_per_value"] == 2);
  CHECK(by_name["blockwise8"]["bytes_per_value"].get<double>() ==
        doctest::Approx(1 + 4.0 / 256).epsilon(1e-3));
  CHECK(quantization({"--states", "lognormal", "--sets", "8", "--threads", "1"}) == lines);
}

TEST_CASE("and so on state of the SMS model") {
  const std::string data = NEED_DATA("sms_spam.csv").string();
  check_gaps(quantization({"--states", "sms", "--steps", "40", "--runs", "3", "--data", data}));
}

TEST_CASE("one unit has no standard error, and is refused") {
  const Outcome outcome = run_process({octet_program(), "bench", "quantization", "--sets", "1"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("--sets") != std::string::npos);
}
