// Where data is looked for. Nothing is downloaded here: the cache is filled by `octet data fetch` (fetch.h).
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/text_corpus.h"

namespace octet {

// The facts about the process that the search depends on, so that tests can set them.
struct DataPlaces {
  std::optional<std::filesystem::path> asked;        // --data: a file or a folder
  std::optional<std::filesystem::path> environment;  // $OCTET_DATA: likewise
  std::filesystem::path current;                     // the current directory
  std::filesystem::path program;                     // the running program; may be empty
  std::filesystem::path cache;                       // ~/.cache/octet; may be empty

  static DataPlaces of_this_process(std::optional<std::filesystem::path> asked = std::nullopt);
};

// ~/.cache/octet, or empty without a home folder.
std::filesystem::path cache_folder();

// Files or folders to try, best first: --data alone when it is given; else $OCTET_DATA, ../shared/data from
// the current directory, ../shared/data from the folder above the program's build/, the cache.
std::vector<std::filesystem::path> data_candidates(const DataPlaces& places);

// The first candidate that is a file, or a folder that holds one of `file_names`; the file's path, or
// nothing. Errors (Data): --data or $OCTET_DATA names something that does not exist, or a --data folder holds
// none of the names.
std::optional<std::filesystem::path> locate_data(const DataPlaces& places,
                                                 std::span<const std::string_view> file_names);

// A corpus from the first place that has it; without one, the generated corpus (generator.h).
TextCorpus load_sms(const DataPlaces& places);
TextCorpus load_imdb(const DataPlaces& places);

}  // namespace octet
