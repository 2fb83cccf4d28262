#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/support.h"

using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const fs::path kRoot(OCTET_SOURCE_DIR);

// The text between "```cpp" and the closing "```" of the first sample, and what README.md says it prints.
struct Sample {
  std::string code, prints;
};

Sample sample_of(const std::string& readme) {
  const std::string open = "\n```cpp\n", prints = "\nIt prints\n\n```text\n", close = "\n```";
  const size_t code = readme.find(open) + open.size(), code_end = readme.find(close, code);
  const size_t text = readme.find(prints, code_end), text_end = readme.find(close, text + prints.size());
  REQUIRE(code_end != std::string::npos);
  REQUIRE(text != std::string::npos);
  REQUIRE(text_end != std::string::npos);
  const size_t begin = text + prints.size();
  return {readme.substr(code, code_end - code), readme.substr(begin, text_end - begin + 1)};
}

// Numbers may differ in their last digits from CPU to CPU; the words around them may not.
const std::regex kNumber("[0-9]+(\\.[0-9]+)?(e[+-]?[0-9]+)?");
std::string without_numbers(const std::string& text) { return std::regex_replace(text, kNumber, "N"); }
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> out;
  for (std::sregex_iterator at(text.begin(), text.end(), kNumber), end; at != end; ++at)
    out.push_back(std::stod(at->str()));
  return out;
}

}  // namespace

TEST_CASE("the C++ sample of the README compiles, runs and prints what the README says") {
  const Sample sample = sample_of(read_file(kRoot / "README.md"));
  const Outcome outcome = run_process({std::string(OCTET_BINARY_DIR) + "/tests/readme_sample"});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(without_numbers(outcome.out) == without_numbers(sample.prints));
  const std::vector<double> printed = numbers_in(outcome.out), promised = numbers_in(sample.prints);
  REQUIRE(printed.size() == promised.size());
  for (size_t i = 0; i < printed.size(); ++i)
    CHECK(printed[i] == doctest::Approx(promised[i]).epsilon(0.005));
}

TEST_CASE("the program that was built is the README's sample of now") {
  const std::string built = read_file(fs::path(OCTET_BINARY_DIR) / "tests" / "readme" / "sample.cpp");
  CHECK(built.find(sample_of(read_file(kRoot / "README.md")).code) != std::string::npos);
}

TEST_CASE("every script and file that the README names exists") {
  const std::string readme = read_file(kRoot / "README.md");
  const std::regex named("(tools/[a-z_]+\\.sh|\\]\\(([A-Za-z/._]+)\\))");
  int count = 0;
  for (auto it = std::sregex_iterator(readme.begin(), readme.end(), named); it != std::sregex_iterator();
       ++it) {
    const std::string path = (*it)[2].matched ? (*it)[2].str() : (*it)[0].str();
    INFO(path);
    CHECK(fs::exists(kRoot / path));
    ++count;
  }
  CHECK(count > 5);
}
