#include <algorithm>
#include <memory>
#include <new>

#include "core/error.h"
#include "tests/support/process.h"
#include "tests/support/support.h"
#include "tools/field_flags.h"
#include "tools/program.h"

using namespace octet;
using namespace octet::testing;
using namespace octet::tools;

namespace {

int64_t given_count = 0;

std::function<int()> declare_count(CLI::App& app) {
  auto count = std::make_shared<int64_t>(3);
  add_option(app, "--count", *count, "N", "how many [3]");
  auto verbose = std::make_shared<bool>(false);
  add_switch(app, "--verbose", *verbose, "say more");
  return [count, verbose] {
    given_count = *count;
    return 0;
  };
}
std::function<int()> declare_throw(CLI::App& app) {
  auto given = std::make_shared<std::string>();
  add_argument(app, "kind", *given, "N", "exit code of the error");
  return [given]() -> int {
    const int kind = std::stoi(*given);
    if (kind == 1) throw std::runtime_error("not one of ours");
    if (kind == 4) throw std::bad_alloc();
    if (kind == 130) return 130;
    fail(static_cast<ErrorKind>(kind), "thrown on purpose");
  };
}

const Command kInner[] = {{"up", "counts upwards", "octet group up --count 5", declare_count}};
const Command kTable[] = {{"count", "counts", "octet count --count 5", declare_count},
                          {"throw", "throws", "octet throw 2", declare_throw},
                          {"group", "holds commands", "octet group up", nullptr, kInner}};

struct Said {
  int status;
  std::string out, err;
};

// run_program with its output caught. In this process, as the table is one of the test's own.
Said run(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const std::string paths[] = {(folder / "out").string(), (folder / "err").string()};
  std::FILE* const streams[] = {stdout, stderr};
  int saved[2];
  for (int i = 0; i < 2; ++i) {
    std::fflush(streams[i]);
    saved[i] = dup(i + 1);
    std::FILE* file = std::fopen(paths[i].c_str(), "w");
    dup2(fileno(file), i + 1);
    std::fclose(file);
  }
  const int status = run_program(arguments, kTable);
  for (int i = 0; i < 2; ++i) {
    std::fflush(streams[i]);
    dup2(saved[i], i + 1);
    close(saved[i]);
  }
  return {status, read_file(paths[0]), read_file(paths[1])};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("help lists the commands, and a command's help its flags, defaults and an example") {
  const Said all = run({"--help"});
  CHECK(all.status == 0);
  CHECK(has(all.out, "count       counts\n"));
  CHECK(has(all.out, "throw       throws\n"));
  const Said one = run({"count", "--help"});
  CHECK(one.status == 0);
  CHECK(has(one.out, "Usage: octet count [OPTIONS]"));
  CHECK(has(one.out, "how many [3]"));
  CHECK(has(one.out, "Example:\n  octet count --count 5"));
}

TEST_CASE("a command gets its flags") {
  CHECK(run({"count"}).status == 0);
  CHECK(given_count == 3);
  CHECK(run({"count", "--count", "-5", "--verbose"}).status == 0);
  CHECK(given_count == -5);
  CHECK(run({"count", "--count=7"}).status == 0);
  CHECK(given_count == 7);
}

TEST_CASE("an unknown command or flag exits 2 and names the nearest") {
  Said said = run({"cuont"});
  CHECK(said.status == 2);
  CHECK(said.err == "octet: unknown command 'cuont', did you mean 'count'? Known: count, throw, group\n");
  said = run({"count", "--cuont", "5"});
  CHECK(said.status == 2);
  CHECK(said.err ==
        "octet: octet count: unknown flag '--cuont', did you mean '--count'? See octet count --help\n");
  said = run({"count", "--cuont=5"});
  CHECK(said.status == 2);
  CHECK(has(said.err, "did you mean '--count'?"));
  said = run({"--versoin"});
  CHECK(said.status == 2);
  CHECK(has(said.err, "did you mean '--version'?"));
}

TEST_CASE("a command within a command has flags, help and suggestions of its own") {
  CHECK(run({"group", "up", "--count", "9"}).status == 0);
  CHECK(given_count == 9);
  const Said help = run({"group", "--help"});
  CHECK(help.status == 0);
  CHECK(has(help.out, "Usage: octet group COMMAND [OPTIONS]"));
  CHECK(has(help.out, "up          counts upwards\n"));
  CHECK(has(help.out, "Example:\n  octet group up\n"));
  CHECK(!has(help.out, "--version"));
  CHECK(has(run({"group", "up", "--help"}).out, "Usage: octet group up [OPTIONS]"));
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{"group"}, "octet: octet group: no command given, known are up. See octet group --help\n"},
      {{"group", "pu"}, "octet: octet group: unknown command 'pu', did you mean 'up'? Known: up\n"},
      {{"group", "--version"}, "octet: octet group: unknown flag '--version'. Known: --help\n"},
      {{"group", "up", "--cuont"},
       "octet: octet group up: unknown flag '--cuont', did you mean '--count'? See octet group up --help\n"}};
  for (const auto& [arguments, message] : wrong) {
    const Said said = run(arguments);
    CHECK(said.status == 2);
    CHECK(said.err == message);
  }
}

TEST_CASE("no command, a word too many, a missing value and a missing argument exit 2") {
  CHECK(run({}).status == 2);
  const Said extra = run({"count", "words"});
  CHECK(extra.status == 2);
  CHECK(has(extra.err, "unexpected argument 'words'"));
  const Said none = run({"count", "--count"});
  CHECK(none.status == 2);
  CHECK(none.err == "octet: octet count: --count needs a value\n");
  for (const char* next : {"--count", "--count=2", "--verbose", "-h"}) {
    const Said flag = run({"count", "--count", next});
    CHECK(flag.status == 2);
    CHECK(flag.err == std::string("octet: octet count: --count needs a value, not the flag ") + next + "\n");
  }
  const Said many = run({"count", "--count", "many"});
  CHECK(many.status == 2);
  CHECK(many.err == "octet: octet count: --count many: must be a whole number\n");
  const Said maybe = run({"count", "--verbose=maybe"});
  CHECK(maybe.status == 2);
  CHECK(maybe.err == "octet: octet count: --verbose maybe: must be true or false\n");
  const Said missing = run({"throw"});
  CHECK(missing.status == 2);
  CHECK(has(missing.err, "kind is required"));
}

TEST_CASE("each kind of error has its exit code and its message") {
  for (const int code : {2, 3, 5, 6, 7}) {
    const Said said = run({"throw", std::to_string(code)});
    CHECK(said.status == code);
    CHECK(said.err == "octet: thrown on purpose\n");
  }
  const Said memory = run({"throw", "4"});
  CHECK(memory.status == 4);
  CHECK(memory.err == "octet: out of memory\n");
  const Said internal = run({"throw", "1"});
  CHECK(internal.status == 1);
  CHECK(internal.err == "octet: internal error: not one of ours\n");
  CHECK(run({"throw", "130"}).status == 130);
}

TEST_CASE("the program shows its help and its version") {
  const Outcome help = run_process({octet_program(), "--help"});
  CHECK(help.status == 0);
  CHECK(has(help.out, "Usage: octet COMMAND [OPTIONS]"));
  CHECK(help.err.empty());
  const Outcome version = run_process({octet_program(), "--version"});
  CHECK(version.status == 0);
  for (const char* part : {"octet 0.1.0\n", "compiler ", "build ", "CUDA ", "CPU "}) {
    INFO(part);
    CHECK(has(version.out, part));
  }
}

TEST_CASE("the program exits 2 for an unknown command and for none") {
  const Outcome unknown = run_process({octet_program(), "no-such-command"});
  CHECK(unknown.status == 2);
  CHECK(has(unknown.err, "octet: unknown command 'no-such-command'"));
  CHECK(unknown.out.empty());
  CHECK(run_process({octet_program()}).status == 2);
  CHECK(run_process({octet_program(), "--no-such-flag"}).status == 2);
}

TEST_CASE("output that cannot be written exits 1 with the reason") {
  const Outcome full = run_process({"sh", "-c", octet_program() + " --help > /dev/full"});
  CHECK(full.status == 1);
  CHECK(full.err == "octet: cannot write to standard output: No space left on device\n");
}
