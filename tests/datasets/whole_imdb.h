// The IMDB corpus for several test cases: to read it takes seconds.
#pragma once

#include "datasets/imdb.h"

namespace octet::testing {

// `path` is that of imdb_50k.csv.xz and counts at the first call.
inline const TextCorpus& whole_imdb(const std::filesystem::path& path) {
  static const TextCorpus corpus = read_imdb(path);
  return corpus;
}

}  // namespace octet::testing
