// Times reading the IMDB corpus: the first time, and from the cache that this leaves. `bench_imdb_words
// [FILE]`.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "core/cpu/thread_pool.h"
#include "datasets/imdb.h"
#include "datasets/imdb_words.h"
#include "datasets/input_file.h"
#include "datasets/word_ids.h"

namespace {

using namespace octet;

double cpu_seconds() {  // of all threads; on a busy machine the wall clock counts what others take, too
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void time_of(const char* name, const std::function<void()>& work) {
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  work();
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%-20s %6.2f s, %6.2f s of CPU time\n", name, wall, cpu_seconds() - cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const auto found = locate_data(
      DataPlaces::of_this_process(argc > 1 ? std::optional<std::filesystem::path>(argv[1]) : std::nullopt),
      imdb_file_names());
  if (!found) return std::puts("no IMDB corpus is at hand"), 3;
  std::string cache = (std::filesystem::temp_directory_path() / "octet-bench-XXXXXX").string();
  if (!mkdtemp(cache.data())) return std::puts("no folder for the cache"), 1;
  std::printf("%s, %d threads\n", found->c_str(), cpu::thread_count());
  TextCorpus texts;
  CachedWords words;
  time_of("texts alone", [&] { texts = read_imdb(*found); });
  time_of("texts to words", [&] { word_corpus(texts); });
  time_of("first time, whole", [&] { words = read_imdb_words(*found, cache); });
  time_of("from the cache", [&] { words = read_imdb_words(*found, cache); });
  if (!words.from_cache) return std::printf("not from the cache: %s\n", words.note.c_str()), 1;
  std::vector<int32_t> rows(static_cast<size_t>(words.corpus.rows()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  time_of("ids of all rows", [&] {
    const auto vocabulary =
        WordVocabulary::most_frequent(words.corpus, count_words(words.corpus, rows), 1000);
    word_sequences(words.corpus, vocabulary.ids_of(words.corpus), rows, 500, Keep::First);
  });
  std::filesystem::remove_all(cache);
  return 0;
}
