// What every suite's main program runs. doctest has no notion of a test case that could not run, so it is
// added here: a skipped case is counted apart from the passed ones, and fails where CI=true says that
// everything must be there.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/support/support.h"

namespace octet::testing {
namespace {

int passed = 0, failed = 0, skipped = 0;
bool current_skipped = false;

struct Counter : doctest::IReporter {
  explicit Counter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override { current_skipped = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    if (!stats.testCaseSuccess) {
      ++failed;
    } else if (current_skipped) {
      ++skipped;
    } else {
      ++passed;
    }
  }
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
DOCTEST_REGISTER_LISTENER("counter", 1, Counter);

}  // namespace

void skip_case(const std::string& reason) {
  const char* ci = std::getenv("CI");
  if (ci && std::string_view(ci) == "true") FAIL("must not be skipped in CI: " << reason);
  current_skipped = true;
  std::printf("skipped: %s\n", reason.c_str());
}

int run_suite(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int status = context.run();
  std::printf("suite: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
  // A suite of which nothing could run is not a passed suite.
  if (status == 0 && passed == 0 && skipped > 0) return kSkipped;
  return status;
}

}  // namespace octet::testing
