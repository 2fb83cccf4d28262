#include "core/cpu/level.h"

#include <map>
#include <sstream>

#include "core/error.h"
#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
using cpu::Level;

namespace {

const std::map<Level, std::string> kFirstLines = {
    {Level::V2, "level v2, 4 float32 lanes, 2 float64 lanes"},
    {Level::V3, "level v3, 8 float32 lanes, 4 float64 lanes"},
    {Level::V4, "level v4, 16 float32 lanes, 8 float64 lanes"},
};

Outcome probe(const std::string& set) {
  return run_process({std::string(OCTET_BINARY_DIR) + "/tests/level_probe"}, {"OCTET_CPU=" + set});
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (line.find(part) != std::string::npos) lines.push_back(line);
  return lines;
}

Outcome shell(const std::string& command) { return run_process({"sh", "-c", command}); }

}  // namespace

TEST_CASE("a wanted level is taken if the CPU has it") {
  CHECK(cpu::chosen_level(nullptr, Level::V2) == Level::V2);
  CHECK(cpu::chosen_level(nullptr, Level::V4) == Level::V4);
  CHECK(cpu::chosen_level("v2", Level::V4) == Level::V2);
  CHECK(cpu::chosen_level("v3", Level::V3) == Level::V3);
  CHECK_ERROR(ErrorKind::Usage, "OCTET_CPU is v4, but this CPU has v3 at most",
              cpu::chosen_level("v4", Level::V3));
  CHECK_ERROR(ErrorKind::Usage, "OCTET_CPU is v3, but this CPU has v2 at most",
              cpu::chosen_level("v3", Level::V2));
  for (const char* bad : {"", "V3", "v5", "x86-64-v3", "v3 "})
    CHECK_ERROR(ErrorKind::Usage, "it can be v2, v3 or v4", cpu::chosen_level(bad, Level::V4));
}

TEST_CASE("every level this CPU has computes what the reference does, and dropout masks bit for bit alike") {
  std::vector<std::string> masks;
  for (const auto& [level, first_line] : kFirstLines) {
    if (level > cpu::level()) continue;
    const Outcome outcome = probe(cpu::name_of(level));
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(outcome.out.substr(0, outcome.out.find('\n')) == first_line);
    for (const std::string& fault : lines_with(outcome.out, "fault")) FAIL_CHECK(fault);
    CHECK(lines_with(outcome.out, "recurrent.lstm_backward").size() > 20);
    const std::vector<std::string> dropout = lines_with(outcome.out, "dropout.apply");
    CHECK(dropout.size() >= 24);
    if (masks.empty()) masks = dropout;
    CHECK(dropout == masks);
  }
}

TEST_CASE("a level that is none, or that this CPU lacks, ends a program with a usage error") {
  const Outcome bad = probe("avx2");
  CHECK(bad.status == 2);
  CHECK(bad.err == "OCTET_CPU is 'avx2'; it can be v2, v3 or v4\n");
  if (cpu::level() == Level::V4) return;  // nothing is lacking; the case above checks the choice
  CHECK(probe("v4").status == 2);
  CHECK(probe("v4").err.find("but this CPU has") != std::string::npos);
}

// An inline function that a file of a wider level emits under a name that other files use too could be the
// one copy that the linker keeps, and then run on a CPU that lacks its instructions.
TEST_CASE("objects of the wider levels share no function with the rest of the library") {
  const std::map<std::string, std::string> objects = {
      {"v2", OCTET_GEMM_V2}, {"v3", OCTET_GEMM_V3}, {"v4", OCTET_GEMM_V4}};
  for (const auto& [level, object] : objects) {
    const Outcome symbols = shell("nm -C '" + object + "'");
    REQUIRE(symbols.status == 0);
    int own = 0;
    std::istringstream in(symbols.out);
    for (std::string line; std::getline(in, line);) {
      // "address type name"; the types of what the linker merges.
      if (line.size() < 20 || std::string("WVuv").find(line[17]) == std::string::npos) continue;
      if (line.find("DW.ref.") != std::string::npos) continue;  // a pointer, no code
      const bool apart = line.find("Eigen_" + level + "::") != std::string::npos ||
                         line.find("octet::cpu::" + level + "::") != std::string::npos;
      own += apart;
      CHECK_MESSAGE(apart, object << " shares " << line);
    }
    CHECK(own > 10);  // Eigen's own are there: the listing was read
  }
}

TEST_CASE("instructions beyond x86-64-v2 stand only in functions of a wider level") {
  const std::string library = std::string(OCTET_BINARY_DIR) + "/liboctet.so";
  // AVX and everything after it is encoded with names that begin with v.
  const Outcome found = shell("objdump -d -C --no-show-raw-insn '" + library +
                              "' | awk '/^[0-9a-f]+ <.*>:$/ {name = $0} /\\tv[a-z]/ {if (!(name in seen)) "
                              "{seen[name]; print name}}'");
  REQUIRE(found.status == 0);
  int wide = 0;
  std::istringstream in(found.out);
  for (std::string line; std::getline(in, line); ++wide) {
    bool chosen_at_run_time = false;
    for (const char* space : {"Eigen_v3::", "Eigen_v4::", "octet::cpu::v3::", "octet::cpu::v4::", "N_AVX2::",
                              "N_AVX3::", "N_AVX3_DL::"})
      chosen_at_run_time |= line.find(space) != std::string::npos;
    CHECK_MESSAGE(chosen_at_run_time, line);
  }
  CHECK(wide > 20);
}
