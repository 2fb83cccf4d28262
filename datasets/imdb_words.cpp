#include "datasets/imdb_words.h"

#include <string>

#include "datasets/generator.h"
#include "datasets/imdb.h"
#include "datasets/input_file.h"
#include "datasets/python_text.h"
#include "datasets/sha256.h"
#include "datasets/stop_words.h"

namespace octet {
namespace {

// Raise the number whenever read_imdb or word_corpus gives anything else for the same bytes.
std::string rules() {
  std::string text = "imdb 1, Unicode " + unicode_version() + ", without";
  for (const std::string_view word : english_stop_words()) text.append(" ").append(word);
  return text;
}

}  // namespace

CachedWords read_imdb_words(const std::filesystem::path& path, const std::filesystem::path& cache_folder) {
  const std::filesystem::path file = imdb_file(path);
  std::string bytes = read_input_file(file);
  const WordCache cache{cache_folder, "imdb", sha256_hex(bytes), rules()};
  return cached_words(cache, file.string(), [&] {
    const TextCorpus corpus = parse_imdb(bytes, file.string());
    bytes = std::string();  // the words take memory too
    return word_corpus(corpus);
  });
}

CachedWords load_imdb_words(const DataPlaces& places) {
  const auto path = locate_data(places, imdb_file_names());
  if (path) return read_imdb_words(*path, places.cache);
  return {word_corpus(generate_imdb())};
}

}  // namespace octet
