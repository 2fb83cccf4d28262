#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/support.h"

namespace octet::testing {
namespace fs = std::filesystem;
namespace {

std::optional<fs::path> find_in(const char* variable, const char* folder, const std::string& name) {
  const char* set = std::getenv(variable);
  const fs::path base = set ? fs::path(set) : fs::path(OCTET_SOURCE_DIR) / ".." / "shared" / folder;
  const fs::path path = (base / name).lexically_normal();
  return fs::exists(path) ? std::optional(path) : std::nullopt;
}

}  // namespace

std::optional<fs::path> golden_file(const std::string& name) {
  return find_in("OCTET_GOLDEN", "golden", name);
}
std::optional<fs::path> data_file(const std::string& name) { return find_in("OCTET_DATA", "data", name); }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE_MESSAGE(out.good(), "cannot write " << path.string());
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "octet-test-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace octet::testing
