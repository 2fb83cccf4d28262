#include "datasets/locate.h"

#include <cstdlib>

#include "core/error.h"
#include "datasets/generator.h"
#include "datasets/imdb.h"
#include "datasets/sms.h"

namespace octet {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<fs::path>(value) : std::nullopt;
}

// The folder that holds the build folder of `program`: R for R/build/octet and for R/build/asan/octet.
fs::path above_build(const fs::path& program) {
  for (fs::path at = program.parent_path(); at.has_relative_path(); at = at.parent_path())
    if (at.filename() == "build") return at.parent_path();
  return {};
}

}  // namespace

fs::path cache_folder() {
  const auto home = variable("HOME");
  return home ? *home / ".cache" / "octet" : fs::path();
}

DataPlaces DataPlaces::of_this_process(std::optional<fs::path> asked) {
  std::error_code ignored;
  return {std::move(asked), variable("OCTET_DATA"), fs::current_path(ignored),
          fs::read_symlink("/proc/self/exe", ignored), cache_folder()};
}

std::vector<fs::path> data_candidates(const DataPlaces& places) {
  if (places.asked) return {*places.asked};
  std::vector<fs::path> candidates;
  if (places.environment) candidates.push_back(*places.environment);
  candidates.push_back((places.current / ".." / "shared" / "data").lexically_normal());
  const fs::path source = above_build(places.program);
  if (!source.empty()) candidates.push_back((source / ".." / "shared" / "data").lexically_normal());
  if (!places.cache.empty()) candidates.push_back(places.cache);
  return candidates;
}

std::optional<fs::path> locate_data(const DataPlaces& places, std::span<const std::string_view> file_names) {
  // What was named on purpose must be there: training on something else instead would go unnoticed.
  if (places.asked)
    require(is_there(*places.asked), ErrorKind::Data, "--data ", places.asked->string(), ": no such file");
  if (places.environment && !places.asked)
    require(is_there(*places.environment), ErrorKind::Data, "OCTET_DATA=", places.environment->string(),
            ": no such file");
  for (const fs::path& candidate : data_candidates(places)) {
    if (!is_there(candidate)) continue;
    if (!is_folder(candidate)) return candidate;
    for (const std::string_view name : file_names)
      if (is_there(candidate / name)) return candidate / name;
  }
  if (places.asked) {
    std::string names;
    for (const std::string_view name : file_names) names.append(names.empty() ? "" : ", ").append(name);
    fail(ErrorKind::Data, "--data ", places.asked->string(), ": the folder holds none of ", names);
  }
  return std::nullopt;
}

TextCorpus load_sms(const DataPlaces& places) {
  const auto path = locate_data(places, sms_file_names());
  return path ? read_sms(*path) : generate_sms();
}

TextCorpus load_imdb(const DataPlaces& places) {
  const auto path = locate_data(places, imdb_file_names());
  return path ? read_imdb(*path) : generate_imdb();
}

}  // namespace octet
