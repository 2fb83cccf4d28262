// The scripts' own logic: how the counts of the suites are added up, and what set-up says.
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet::testing;

namespace {

const std::string kTools = std::string(OCTET_SOURCE_DIR) + "/tools/";

struct Sum {
  int status;
  std::string last, all;
};

Sum sum_of(const std::string& ctest_output) {
  const Outcome outcome = run_process({"awk", "-f", kTools + "sum_suites.awk"}, {}, ctest_output);
  CHECK(outcome.err.empty());
  const std::string text = outcome.out.substr(0, outcome.out.size() - 1);
  return {outcome.status, text.substr(text.rfind('\n') + 1), outcome.out};
}

const std::string kGood =
    "1: suite: 4 passed, 0 failed, 1 skipped\n1/2 Test #1: core .............   Passed    0.02 sec\n";

}  // namespace

TEST_CASE("counts of suites that ran in turn or at once are added up") {
  const Sum sum = sum_of("test 1\n    Start 1: core\n2: noise\n" + kGood +
                         "2: suite: 10 passed, 0 failed, 0 skipped\n"
                         " 2/2 Test  #2: nn ...............   Passed    1.02 sec\n");
  CHECK(sum.status == 0);
  CHECK(sum.last == "14 passed, 0 failed, 1 skipped");
}

TEST_CASE("a failed suite counts its failures and shows its output") {
  const Sum sum = sum_of(kGood +
                         "2: ERROR: CHECK( 1 == 2 )\n2: suite: 10 passed, 2 failed, 0 skipped\n"
                         "2/2 Test #2: nn ...............***Failed    1.02 sec\n");
  CHECK(sum.status != 0);
  CHECK(sum.last == "14 passed, 2 failed, 1 skipped");
  CHECK(sum.all.find("ERROR: CHECK( 1 == 2 )") != std::string::npos);
}

TEST_CASE("a suite that crashed, timed out, leaked, was not built or said nothing counts as one failed") {
  const std::string table[] = {
      "2/2 Test #2: nn ...............***Exception: SegFault  0.15 sec\n",
      "2/2 Test #2: nn ...............***Timeout 900.01 sec\n",
      "2: suite: 0 passed, 0 failed, 0 skipped\n2: ERROR: LeakSanitizer\n"
      "2/2 Test #2: nn ...............***Failed    1.02 sec\n",
      "2/2 Test #2: nn ...............***Not Run   0.00 sec\n",
      "2/2 Test #2: nn ...............   Passed    0.02 sec\n",
      "2/2 Test #2: nn ...............Subprocess aborted***Exception:   0.15 sec\n",
  };
  for (const std::string& output : table) {
    INFO(output);
    const Sum sum = sum_of(kGood + output);
    CHECK(sum.status != 0);
    CHECK(sum.last == "4 passed, 1 failed, 1 skipped");
  }
}

TEST_CASE("a program that exits 77 counts as skipped") {
  Sum sum = sum_of(kGood + "2/2 Test #2: nn ...............***Skipped   0.02 sec\n");
  CHECK(sum.last == "4 passed, 0 failed, 2 skipped");
  CHECK(sum.status == 0);
  sum = sum_of(
      kGood +
      "2: suite: 0 passed, 0 failed, 3 skipped\n2/2 Test #2: nn ...............***Skipped   0.02 sec\n");
  CHECK(sum.last == "4 passed, 0 failed, 4 skipped");
}

TEST_CASE("nothing that ran is not success") {
  const Sum sum = sum_of("No tests were found!!!\n");
  CHECK(sum.status != 0);
  CHECK(sum.last == "0 passed, 0 failed, 0 skipped");
}

TEST_CASE("the test script rejects what it does not know") {
  const std::vector<std::string> table[] = {
      {"--preset", "fast"}, {"--preset"}, {"--jobs", "0"}, {"--jobs", "-1"}, {"--what"}};
  for (std::vector<std::string> arguments : table) {
    arguments.insert(arguments.begin(), kTools + "test.sh");
    CHECK(run_process(arguments).status == 2);
  }
}

TEST_CASE("set-up is content where all is installed, and otherwise prints what to run") {
  // A dpkg-query that knows all packages or none, first in PATH.
  for (const bool installed : {true, false}) {
    const TemporaryFolder folder;
    write_file(folder / "dpkg-query", installed ? "#!/bin/sh\nprintf installed\n" : "#!/bin/sh\nexit 1\n");
    write_file(folder / "apt-get", "#!/bin/sh\necho called apt-get \"$@\"\n");
    write_file(folder / "id", "#!/bin/sh\necho 1000\n");  // not root
    for (const char* name : {"dpkg-query", "apt-get", "id"})
      std::filesystem::permissions(folder / name, std::filesystem::perms::owner_all);
    const Outcome outcome =
        run_process({kTools + "setup.sh"}, {"PATH=" + folder.path().string() + ":" + std::getenv("PATH")});
    CHECK(outcome.out.find("called apt-get") == std::string::npos);
    CHECK(outcome.status == (installed ? 0 : 1));
    if (!installed)
      CHECK(outcome.err.find("sudo apt-get install --no-install-recommends g++ cmake ") != std::string::npos);
  }
}
