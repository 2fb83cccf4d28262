#include "tools/reproduce_gather.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace octet::tools {
namespace {

void require_same(const GridResult& result, const std::string& folder, GridIdentity& identity,
                  bool any_build) {
  const auto check = [&](std::string& expected, const std::string& actual, const char* what,
                         const char* remedy) {
    if (expected.empty()) expected = actual;
    require(expected == actual, ErrorKind::Usage, result_path(folder, result.run), ": a result of ", what,
            " ", actual, ", where the others are of ", expected, "; ", remedy);
  };
  check(identity.sha256[result.run.task], result.data_sha256, "data with SHA-256",
        "keep results of other data in a folder of their own, by --out");
  check(identity.device, result.config.device, "device",
        "keep results of another device in a folder of their own, by --out");
  if (!any_build)
    check(identity.build, result.build, "build",
          "--any-build lets both count, and a folder of its own, by --out, keeps them apart");
}

}  // namespace

GatheredResults gather_results(const std::vector<GridRun>& planned, const std::string& out,
                               const std::vector<std::string>& merge, GridIdentity identity, bool any_build) {
  std::set<std::string> wanted;
  for (const GridRun& run : planned) wanted.insert(run.name());
  GatheredResults gathered;
  std::vector<std::string> folders = {out};
  folders.insert(folders.end(), merge.begin(), merge.end());
  for (size_t i = 0; i < folders.size(); ++i) {
    std::error_code ignored;
    require(i == 0 || std::filesystem::is_directory(folders[i] + "/results", ignored), ErrorKind::Data,
            "--merge ", folders[i], ": no results in it; name the --out folder of octet reproduce");
    FoundResults found = read_results(folders[i]);
    for (const std::string& problem : found.problems)
      gathered.warnings.push_back(problem + "; it does not count");
    for (GridResult& result : found.results) {
      const auto place = wanted.find(result.run.name());
      if (place == wanted.end()) continue;  // not planned, or there already
      require_same(result, folders[i], identity, any_build);
      wanted.erase(place);
      gathered.results.push_back(std::move(result));
    }
  }
  return gathered;
}

}  // namespace octet::tools
