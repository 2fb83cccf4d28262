#include "datasets/word_corpus.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/generator.h"
#include "datasets/python_text.h"
#include "datasets/review_words.h"
#include "datasets/sha256.h"
#include "datasets/stop_words.h"
#include "datasets/utf8.h"
#include "datasets/word_ids.h"
#include "tests/datasets/whole_imdb.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;

namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

Strings cleaned_words(std::string_view text) {
  Strings cleaned;
  for (ReviewWords words(text); words.next();) cleaned.emplace_back(words.word());
  return cleaned;
}

std::vector<int32_t> all_rows(const WordCorpus& corpus) {
  std::vector<int32_t> rows(static_cast<size_t>(corpus.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Little-endian, as the golden file wants it and as every machine that octet runs on has it.
std::string sha256_of(const std::vector<int32_t>& values) {
  return sha256_hex({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int32_t)});
}

TextCorpus texts_of(Strings texts) {
  TextCorpus corpus;
  corpus.label_names = {"negative", "positive"};
  corpus.texts = std::move(texts);
  corpus.labels.resize(corpus.texts.size());
  return corpus;
}

}  // namespace

TEST_CASE("lower-casing, splitting and cleaning are Python's on texts made to be hard") {
  const std::string lines = read_file(OCTET_SOURCE_DIR "/tests/datasets/python_text_golden.jsonl");
  int64_t cases = 0;
  for (size_t at = 0, end; at < lines.size(); at = end + 1, ++cases) {
    end = lines.find('\n', at);
    const Json line = Json::parse(lines.substr(at, end - at));
    const auto text = line[0].get<std::string>();
    INFO(line.dump(-1, ' ', true));
    CHECK(python_lower(text) == line[1].get<std::string>());
    CHECK(cleaned_words(text) == line[2].get<Strings>());
    CHECK(cleaned_words(line[1].get<std::string>()) == line[2].get<Strings>());
  }
  CHECK(cases > 1600);
}

TEST_CASE("every golden pair and split of the experiment's cleaning agrees") {
  const Json golden = Json::parse(read_file(NEED_GOLDEN("imdb_golden.json")));
  CHECK(golden["clean_pairs"].size() == 367);
  for (const Json& pair : golden["clean_pairs"]) {
    INFO(pair.dump(-1, ' ', true));
    CHECK(clean_word(pair[0].get<std::string>()) == pair[1].get<std::string>());
  }
  for (const Json& c : golden["split_cases"]) {
    const auto text = c[0].get<std::string>();
    CHECK(cleaned_words(text) == c[2].get<Strings>());
    Strings lowered;
    const std::string lower = python_lower(text);
    for (size_t at = 0, begin = 0; at <= lower.size();) {
      const CodePoint character = at < lower.size() ? utf8_at(lower, at) : CodePoint{' ', 1};
      if (is_python_space(character.value)) {
        if (at > begin) lowered.push_back(lower.substr(begin, at - begin));
        begin = at + character.size;
      }
      at += character.size;
    }
    CHECK(lowered == c[1].get<Strings>());
  }
}

TEST_CASE("the stop words are the golden list, byte for byte") {
  std::string list;
  for (const std::string_view word : english_stop_words()) list.append(word).append("\n");
  CHECK(list == read_file(NEED_GOLDEN("imdb_stopwords_en.txt")));
}

TEST_CASE("the first 2,000 reviews give the golden words, counts, sequences and matrices") {
  const Json golden = Json::parse(read_file(NEED_GOLDEN("imdb_golden.json")));
  TextCorpus texts = whole_imdb(NEED_DATA("imdb_50k.csv.xz"));
  texts.texts.resize(2000);
  texts.labels.resize(2000);
  const WordCorpus corpus = word_corpus(texts);
  CHECK(corpus.words_seen == golden["tokens_before_cleaning"]);
  CHECK(corpus.word_of.size() == golden["tokens_kept"]);
  CHECK(corpus.words.size() == golden["distinct_words"]);
  CHECK(std::count(corpus.labels.begin(), corpus.labels.end(), 1) == golden["labels_positive"]);

  const std::vector<int32_t> rows = all_rows(corpus);
  const std::vector<WordCount> counts = count_words(corpus, rows);
  const WordVocabulary vocabulary = WordVocabulary::most_frequent(corpus, counts, 1000);
  REQUIRE(vocabulary.size() == golden["vocabulary_size"]);
  for (int32_t id = 1; id <= 1000; ++id) {
    const auto at = static_cast<size_t>(id - 1);
    CHECK(vocabulary.word(id) == golden["words"][at]);
    CHECK(counts[at].count == golden["counts"][at]);
  }
  const auto ids = vocabulary.ids_of(corpus);
  const auto whole = word_sequences(corpus, ids, rows, 100'000, Keep::First);
  for (size_t row = 0; row < whole.size(); ++row) CHECK(whole[row].size() == golden["sequence_lengths"][row]);
  const auto sequences = word_sequences(corpus, ids, rows, 500, Keep::First);
  const auto padded = left_padded(sequences, 500);
  CHECK(sha256_of(padded) == golden["padded_int32_le_sha256"]);
  CHECK(std::accumulate(padded.begin(), padded.end(), int64_t{0}) == golden["padded_sum"]);
  const auto short_ones = word_sequences(corpus, ids, rows, 100, Keep::First);
  CHECK(sha256_of(left_padded(short_ones, 100)) == golden["padded_to_100_int32_le_sha256"]);
  for (size_t row = 0; row < 5; ++row) {
    CHECK(sequences[row] == golden["first_5_sequences"][row].get<std::vector<int32_t>>());
    CHECK(left_padded({&sequences[row], 1}, 500) ==
          golden["first_5_padded"][row].get<std::vector<int32_t>>());
    CHECK(word_sequence(vocabulary, texts.texts[row], 500, Keep::First) == sequences[row]);
  }
}

TEST_CASE("all 50,000 reviews give the golden words and the golden matrix") {
  const Json golden = Json::parse(read_file(NEED_GOLDEN("imdb_golden.json")))["whole_corpus"];
  const WordCorpus corpus = word_corpus(whole_imdb(NEED_DATA("imdb_50k.csv.xz")));
  CHECK(corpus.rows() == golden["rows"]);
  CHECK(corpus.word_of.size() == golden["tokens_kept"]);
  CHECK(corpus.words.size() == golden["distinct_words"]);
  const std::vector<int32_t> rows = all_rows(corpus);
  const std::vector<WordCount> counts = count_words(corpus, rows);
  const WordVocabulary vocabulary = WordVocabulary::most_frequent(corpus, counts, 1000);
  CHECK(sha256_hex(vocabulary.text().substr(6)) == golden["words_sha256"]);  // without <pad>
  CHECK(counts[999].count == golden["last_count"]);
  const auto ids = vocabulary.ids_of(corpus);
  int64_t longest = 0, over = 0, empty = 0;
  for (const auto& sequence : word_sequences(corpus, ids, rows, 100'000, Keep::First)) {
    longest = std::max(longest, static_cast<int64_t>(sequence.size()));
    over += sequence.size() > 500;
    empty += sequence.empty();
  }
  CHECK(longest == golden["longest_sequence"]);
  CHECK(over == golden["sequences_over_500"]);
  CHECK(empty == golden["empty_sequences"]);
  const auto sequences = word_sequences(corpus, ids, rows, 500, Keep::First);
  CHECK(sha256_of(left_padded(sequences, 500)) == golden["padded_int32_le_sha256"]);
}

TEST_CASE("a corpus of words is the same with any number of threads, and the same as text by text") {
  const TextCorpus texts = generate_imdb(3, 2500);
  cpu::set_thread_count(1);
  const WordCorpus corpus = word_corpus(texts);
  for (const int threads : {2, 5}) {
    cpu::set_thread_count(threads);
    CHECK(word_corpus(texts) == corpus);
  }
  cpu::set_thread_count(0);
  Strings words;
  std::set<std::string> seen;
  for (int64_t row = 0; row < corpus.rows(); ++row) {
    const Strings kept = kept_words(texts.texts[static_cast<size_t>(row)]);
    Strings found;
    for (const int32_t word : corpus.row(row)) found.push_back(corpus.words[static_cast<size_t>(word)]);
    REQUIRE(found == kept);
    for (const std::string& word : kept)
      if (seen.insert(word).second) words.push_back(word);
  }
  CHECK(corpus.words == words);
  CHECK(corpus.source() == "generated");
}

TEST_CASE("counts follow the rows that are given: ties go to the word that these have first") {
  const WordCorpus corpus =
      word_corpus(texts_of({"alpha beta", "The gamma beta delta", "delta 10/10 GAMMA!"}));
  CHECK(corpus.words == Strings{"alpha", "beta", "gamma", "delta"});
  CHECK(corpus.words_seen == 9);
  const auto order = [&](const std::vector<int32_t>& rows) {
    Strings words;
    for (const WordCount& count : count_words(corpus, rows))
      words.push_back(corpus.words[static_cast<size_t>(count.word)] + std::to_string(count.count));
    return words;
  };
  CHECK(order({0, 1, 2}) == Strings{"beta2", "gamma2", "delta2", "alpha1"});
  CHECK(order({2, 1, 0}) == Strings{"delta2", "gamma2", "beta2", "alpha1"});
  CHECK(order({2}) == Strings{"delta1", "gamma1"});
  CHECK(order({}).empty());
  CHECK_ERROR(ErrorKind::Usage, "count_words: row 3 of 3", order({3}));
}

TEST_CASE("sequences leave unknown words out, keep the end that is asked for, and are padded on the left") {
  const WordCorpus corpus =
      word_corpus(texts_of({"one two three one two one", "four", "the", "three two one two three"}));
  const WordVocabulary vocabulary =
      WordVocabulary::most_frequent(corpus, count_words(corpus, all_rows(corpus)), 3);
  CHECK(vocabulary.text() == "<pad>\none\ntwo\nthree\n");
  const auto ids = vocabulary.ids_of(corpus);
  using Sequences = std::vector<std::vector<int32_t>>;
  const std::vector<int32_t> rows = {3, 2, 1, 0};
  const auto first = word_sequences(corpus, ids, rows, 4, Keep::First);
  CHECK(first == Sequences{{3, 2, 1, 2}, {}, {}, {1, 2, 3, 1}});
  CHECK(word_sequences(corpus, ids, rows, 4, Keep::Last) == Sequences{{2, 1, 2, 3}, {}, {}, {3, 1, 2, 1}});
  CHECK(word_sequence(vocabulary, "Two? THE four, three!", 5, Keep::First) == std::vector<int32_t>{2, 3});
  CHECK(left_padded(first, 5) ==
        std::vector<int32_t>{0, 3, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 1});
  CHECK_ERROR(ErrorKind::Usage, "a sequence of 4 ids in rows of 3", left_padded(first, 3));
  CHECK_ERROR(ErrorKind::Usage, "at most 0 ids a row", word_sequences(corpus, ids, rows, 0, Keep::First));
  CHECK_ERROR(ErrorKind::Usage, "row -1 of 4",
              word_sequences(corpus, ids, std::vector<int32_t>{-1}, 1, Keep::First));
}

TEST_CASE("a word vocabulary is read back as it was written, and damage to it is named by line") {
  const std::string text = "<pad>\nbr\nmovie\n\xC3\xA9t\xC3\xA9\n";
  const WordVocabulary vocabulary = WordVocabulary::from_text(text, "v");
  CHECK(vocabulary.text() == text);
  CHECK(vocabulary.size() == 4);
  CHECK(vocabulary.find("movie") == 2);
  CHECK(!vocabulary.find("<pad>"));
  CHECK(!vocabulary.find("film"));
  CHECK(vocabulary.hash() == sha256_hex(text).substr(0, 16));
  CHECK(WordVocabulary::from_text(text.substr(0, text.size() - 1), "v").text() == text);
  CHECK_ERROR(ErrorKind::Usage, "id 4 is not in 0 to 3", vocabulary.word(4));
  const auto fails = [](const std::string& bytes, const std::string& message) {
    CHECK_ERROR(ErrorKind::Checkpoint, message, WordVocabulary::from_text(bytes, "v", ErrorKind::Checkpoint));
  };
  fails("br\nmovie\n", "v, line 1: '<pad>' stands in line 1 and nowhere else");
  fails("<pad>\nbr\n<pad>\n", "v, line 3: '<pad>' stands");
  fails("<pad>\n\nbr\n", "v, line 2: an empty word");
  fails("<pad>\nbr\nmovie\nbr\n", "v, line 4: the word 'br' is in line 2 already");
  fails("<pad>\n", "v: the vocabulary holds no words");
  fails("", "v: the vocabulary holds no words");
  const TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Checkpoint, "no such file",
              WordVocabulary::load(folder / "none", ErrorKind::Checkpoint));
  write_file(folder / "v.txt", text);
  CHECK(WordVocabulary::load(folder / "v.txt").text() == text);
}
