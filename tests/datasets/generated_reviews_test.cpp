#include <algorithm>
#include <cmath>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/generator.h"
#include "datasets/imdb.h"
#include "datasets/imdb_words.h"
#include "datasets/split.h"
#include "datasets/word_ids.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

// What is loaded where there is no data. It takes seconds: made once.
const WordCorpus& generated_words() {
  static const WordCorpus words = [] {
    const TemporaryFolder folder;
    DataPlaces nowhere;
    nowhere.current = folder / "here/work";
    return load_imdb_words(nowhere).corpus;
  }();
  return words;
}

}  // namespace

TEST_CASE("the generated reviews have the shape of the real ones and say that they are generated") {
  const WordCorpus& words = generated_words();
  CHECK(words.generated);
  CHECK(words.source() == "generated");
  CHECK(words.rows() == 50'000);
  CHECK(std::count(words.labels.begin(), words.labels.end(), 1) == 25'000);
  const double rows = static_cast<double>(words.rows());
  const double all = static_cast<double>(words.words_seen) / rows;
  const double kept = static_cast<double>(words.word_of.size()) / rows;
  CHECK(all > 220);  // 231 in the real ones
  CHECK(all < 245);
  CHECK(kept > 110);  // 122
  CHECK(kept < 135);
  CHECK(words.words.size() > 40'000);

  // With the vocabulary of the experiment a review has 69 ids in the mean.
  const Split split = stratified_split(words.labels, 0.25, 2021);
  const auto vocabulary = WordVocabulary::most_frequent(words, count_words(words, split.train), 1000);
  int64_t ids = 0, longest = 0;
  for (const auto& sequence :
       word_sequences(words, vocabulary.ids_of(words), split.validation, 100'000, Keep::First)) {
    ids += static_cast<int64_t>(sequence.size());
    longest = std::max(longest, static_cast<int64_t>(sequence.size()));
  }
  const double mean = static_cast<double>(ids) / static_cast<double>(split.validation.size());
  CHECK(mean > 55);
  CHECK(mean < 85);
  CHECK(longest > 500);  // so that the cut is tried
}

TEST_CASE("the generated reviews are the same on every machine and differ by seed") {
  const TextCorpus small = generate_imdb(7, 600);
  require_trainable(small);
  CHECK(small.sha256 == "1f359b77df0773228580d2df3292b4d2bdf0faa3fe1a8534dc9567b38fc10ca2");
  const TextCorpus read = parse_imdb(imdb_as_csv(small), "generated");
  CHECK(read.texts == small.texts);
  CHECK(read.labels == small.labels);
  CHECK(read.sha256 == small.sha256);
  cpu::set_thread_count(1);
  CHECK(generate_imdb(7, 600).sha256 == small.sha256);
  cpu::set_thread_count(0);
  CHECK(generate_imdb(8, 600).sha256 != small.sha256);
  const TextCorpus odd = generate_imdb(8, 601);
  CHECK(std::count(odd.labels.begin(), odd.labels.end(), 1) == 300);
  CHECK_ERROR(ErrorKind::Usage, "generate_imdb: 1 rows", generate_imdb(1, 1));
}

TEST_CASE("the generated reviews can be learned, but not without error") {
  // Naive Bayes on the vocabulary of the experiment (add-one smoothing), trained on three quarters.
  const WordCorpus& words = generated_words();
  const Split split = stratified_split(words.labels, 0.25, 2021);
  const auto vocabulary = WordVocabulary::most_frequent(words, count_words(words, split.train), 1000);
  const auto ids = vocabulary.ids_of(words);
  std::vector<double> counts[2] = {std::vector<double>(1001, 1), std::vector<double>(1001, 1)};
  double totals[2] = {1001, 1001};
  for (const int32_t row : split.train) {
    const auto label = static_cast<size_t>(words.labels[static_cast<size_t>(row)]);
    for (const int32_t word : words.row(row))
      ++counts[label][static_cast<size_t>(ids[static_cast<size_t>(word)])], ++totals[label];
  }
  int64_t right = 0;
  for (const int32_t row : split.validation) {
    double score = 0;
    for (const int32_t word : words.row(row)) {
      const auto id = static_cast<size_t>(ids[static_cast<size_t>(word)]);
      if (id > 0) score += std::log(counts[1][id] / totals[1]) - std::log(counts[0][id] / totals[0]);
    }
    right += (score > 0) == (words.labels[static_cast<size_t>(row)] == 1);
  }
  const double accuracy = static_cast<double>(right) / static_cast<double>(split.validation.size());
  INFO("accuracy " << accuracy);
  CHECK(accuracy > 0.85);
  CHECK(accuracy < 0.97);
}

TEST_CASE("reviews are taken from where they are found, and never from elsewhere than what was named") {
  const TemporaryFolder folder;
  DataPlaces places;
  places.current = folder / "here/work";
  places.cache = folder / "cache";
  std::filesystem::create_directories(places.cache);
  write_file(folder / "cache/imdb_50k.csv", "review,sentiment\ngood,positive\nbad,negative\n");
  const CachedWords found = load_imdb_words(places);
  CHECK(!found.corpus.generated);
  CHECK(found.corpus.path == (folder / "cache/imdb_50k.csv").string());
  CHECK(load_imdb_words(places).from_cache);
  CHECK(load_imdb(places).rows() == 2);
  places.asked = folder / "none.csv";
  CHECK_ERROR(ErrorKind::Data, "none.csv: no such file", load_imdb_words(places));
  places.asked = folder / "here";
  std::filesystem::create_directories(folder / "here");
  CHECK_ERROR(ErrorKind::Data, "the folder holds none of imdb_50k.csv, imdb_50k.csv.xz", load_imdb(places));
}
