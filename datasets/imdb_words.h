// The IMDB corpus as words, read from wherever it is found, in a moment when it was read before.
#pragma once

#include "datasets/locate.h"
#include "datasets/word_cache.h"

namespace octet {

// From the file or folder `path`; the cache lies in `cache_folder` (empty: there is none). Errors: as
// read_imdb; a file that is known by its cache is not checked again.
CachedWords read_imdb_words(const std::filesystem::path& path, const std::filesystem::path& cache_folder);

// From the first of the places that has the corpus, else the generated one (generator.h).
CachedWords load_imdb_words(const DataPlaces& places);

}  // namespace octet
