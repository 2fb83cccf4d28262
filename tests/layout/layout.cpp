#include "tests/layout/layout.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>

namespace octet::testing {
namespace fs = std::filesystem;
namespace {

using Names = std::set<std::string>;

// What each folder may include besides itself.
const std::map<std::string, Names>& arrows() {
  static const std::map<std::string, Names> table = {
      {"core", {}},
      {"autograd", {"core"}},
      {"nn", {"autograd", "core"}},
      {"optim", {"autograd", "core"}},
      {"cuda", {"core", "optim"}},
      {"datasets", {"core"}},
      {"tools", {"core", "autograd", "nn", "optim", "cuda", "datasets"}},
      {"tests", {"core", "autograd", "nn", "optim", "cuda", "datasets", "tools"}},
  };
  return table;
}

// Libraries that stay out of public headers: slow to compile, or absent where octet is only installed.
const std::regex& heavy_header() {
  static const std::regex pattern(
      "^(Eigen/|unsupported/Eigen/|cuda|cublas|cudnn|curand|nccl|mma\\.h|nlohmann/|fmt/|hwy/|CLI/|doctest/"
      "|curl/|"
      "openssl/|archive|utf8proc).*");
  return pattern;
}

struct Include {
  fs::path file;  // relative to the root
  int line;
  bool quoted;  // "core/error.h" rather than <vector>
  std::string header;
};

std::string first_part(const fs::path& path) { return path.empty() ? "" : path.begin()->string(); }

bool is_source(const fs::path& path) {
  static const Names kinds = {".h", ".cpp", ".cu", ".cuh"};
  return kinds.count(path.extension().string()) > 0;
}

// Kept out of an installation: headers of a backend, and those compiled once a SIMD level.
bool is_private(const fs::path& path) {
  const std::string name = path.filename().string();
  return std::find(path.begin(), path.end(), "cpu") != path.end() || name.ends_with("-inl.h");
}

bool is_public(const fs::path& path) {
  static const Names libraries = {"core", "autograd", "nn", "optim", "datasets"};
  return libraries.count(first_part(path)) > 0 && path.extension() == ".h" && !is_private(path);
}

std::vector<Include> includes_of(const fs::path& root) {
  static const std::regex pattern("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]");
  std::vector<Include> found;
  for (const auto& [folder, allowed] : arrows()) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream in(entry.path());
      std::string text;
      for (int line = 1; std::getline(in, text); ++line) {
        std::smatch match;
        if (!std::regex_search(text, match, pattern)) continue;
        found.push_back({fs::relative(entry.path(), root), line, match[1] == "\"", match[2]});
      }
    }
  }
  return found;
}

std::optional<std::string> fault_of(const Include& include, const fs::path& root) {
  const std::string from = first_part(include.file), to = first_part(include.header);
  if (arrows().count(to)) {
    if (from != to && !arrows().at(from).count(to)) return from + " must not include " + to;
    if (is_public(include.file) && is_private(include.header))
      return "a public header must not include the private " + include.header;
    return std::nullopt;
  }
  if (include.quoted && fs::exists(root / include.file.parent_path() / include.header))
    return "include \"" + include.header + "\" by its path from the top";
  if (is_public(include.file) && std::regex_match(include.header, heavy_header()))
    return "a public header must not include " + include.header;
  if (include.header.starts_with("Eigen/") && from != "tests" &&
      !(from == "core" && is_private(include.file)))
    return "Eigen is private to core/cpu";
  return std::nullopt;
}

void check_top_level(const fs::path& root, std::vector<std::string>& faults) {
  static const Names files = {"CMakeLists.txt", "README.md", "LICENSE", "CMakePresets.json"};
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    // Dot-files, and what a build leaves (both names are in .gitignore).
    if (name.starts_with(".") || name == "build" || name.starts_with("build-")) continue;
    if (entry.is_directory() ? !arrows().count(name) : !files.count(name))
      faults.push_back(name + ": does not belong at the top level");
  }
  for (const std::string& name : files)
    if (!fs::is_regular_file(root / name)) faults.push_back(name + ": is missing");
  for (const auto& [folder, allowed] : arrows())
    if (!fs::is_regular_file(root / folder / "README.md"))
      faults.push_back(folder + "/README.md: is missing");
}

}  // namespace

std::vector<std::string> layout_faults(const fs::path& root) {
  std::vector<std::string> faults;
  for (const Include& include : includes_of(root))
    if (const auto fault = fault_of(include, root))
      faults.push_back(include.file.string() + ":" + std::to_string(include.line) + ": " + *fault);
  check_top_level(root, faults);
  std::sort(faults.begin(), faults.end());
  return faults;
}

int include_count(const fs::path& root) {
  const std::vector<Include> includes = includes_of(root);
  return static_cast<int>(std::count_if(includes.begin(), includes.end(), [](const Include& include) {
    return arrows().count(first_part(include.header)) > 0;
  }));
}

}  // namespace octet::testing
