#include "datasets/word_cache.h"

#include <unistd.h>

#include <thread>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/imdb.h"
#include "datasets/imdb_words.h"
#include "datasets/sha256.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const std::string kCsv =
    "review,sentiment\nA very good film,positive\n\"Bad, the "
    "film\",negative\nthe,negative\ncaf\xC3\xA9,positive\n";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A data file and a cache for it.
struct Place {
  TemporaryFolder folder;
  fs::path data = folder / "imdb_50k.csv", cache = folder / "cache";
  Place() { write_file(data, kCsv); }

  CachedWords read() const { return read_imdb_words(data, cache); }
  fs::path file() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cache)) files.push_back(entry.path());
    REQUIRE(files.size() == 1);
    return files[0];
  }
};

}  // namespace

TEST_CASE("the second reading comes from the cache and is the same") {
  const Place place;
  const CachedWords first = place.read(), second = place.read();
  CHECK(!first.from_cache);
  CHECK(first.note.empty());
  CHECK(second.from_cache);
  CHECK(second.note.empty());
  CHECK(second.corpus == first.corpus);
  CHECK(first.corpus.sha256 == sha256_hex(kCsv));
  CHECK(first.corpus.rows() == 4);
  CHECK(first.corpus.row(2).empty());
  CHECK(first.corpus.words == std::vector<std::string>{"good", "film", "bad", "caf\xC3\xA9"});
  CHECK(has(place.file().filename().string(), "imdb-"));
}

TEST_CASE("a cache follows the content of the file: the path may change, one byte may not") {
  const Place place;
  const CachedWords first = place.read();
  fs::rename(place.data, place.folder / "other.csv");
  const CachedWords moved = read_imdb_words(place.folder / "other.csv", place.cache);
  CHECK(moved.from_cache);
  CHECK(moved.corpus.path == (place.folder / "other.csv").string());
  CHECK(moved.corpus.words == first.corpus.words);

  std::string changed = kCsv;
  changed[changed.find("good")] = 'f';
  write_file(place.data, changed);
  const CachedWords other = place.read();
  CHECK(!other.from_cache);
  CHECK(other.note.empty());
  CHECK(other.corpus.words[0] == "food");
  // Packed differently it is another file, though its content is the same.
  write_file(place.folder / "x", pack(Pack::Xz, {{"", kCsv}}));
  const CachedWords packed = read_imdb_words(place.folder / "x", place.cache);
  CHECK(!packed.from_cache);
  CHECK(packed.corpus.sha256 == first.corpus.sha256);
}

TEST_CASE("a cache of other rules, another corpus or other data is another file") {
  const Place place;
  const WordCorpus corpus = place.read().corpus;
  const WordCache cache{place.cache, "a", "b", "c"};
  CHECK(WordCache{place.cache, "a", "b", "c"}.path() == cache.path());
  for (const WordCache& other : {WordCache{place.cache, "x", "b", "c"}, WordCache{place.cache, "a", "x", "c"},
                                 WordCache{place.cache, "a", "b", "x"}}) {
    CHECK(other.path() != cache.path());
    // Even under the name of the right one it is not taken.
    cached_words(other, "", [&] { return corpus; });
    fs::rename(other.path(), cache.path());
    const CachedWords read = cached_words(cache, "", [&] { return corpus; });
    CHECK(!read.from_cache);
    CHECK(has(read.note, "it was made from other data or by other rules; it is made anew"));
    CHECK(
        cached_words(cache, "", [&]() -> WordCorpus { fail(ErrorKind::Internal, "made anew"); }).from_cache);
  }
}

TEST_CASE("a cache with any byte changed, cut or grown is made anew with one note") {
  const Place place;
  const WordCorpus corpus = place.read().corpus;
  const fs::path file = place.file();
  const std::string whole = read_file(file);
  const auto check_rebuilt = [&](const std::string& bytes) {
    write_file(file, bytes);
    const CachedWords read = place.read();
    CHECK(!read.from_cache);
    CHECK(has(read.note, "the cache " + file.string() + " is not used, "));
    CHECK(read.corpus == corpus);
    CHECK(read_file(file) == whole);
  };
  for (size_t at = 0; at < whole.size(); at += 1 + at % 29) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    check_rebuilt(bytes);
  }
  for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 15)
    check_rebuilt(whole.substr(0, length));
  check_rebuilt(whole + " ");
  check_rebuilt(whole + whole);
  CHECK(place.read().from_cache);
}

TEST_CASE("numbers in a cache are checked even if its SHA-256 is right") {
  const Place place;
  const WordCorpus corpus = place.read().corpus;
  const fs::path file = place.file();
  const std::string whole = read_file(file);
  Rng rng(16);
  int64_t refused = 0;
  for (int round = 0; round < 100; ++round) {
    std::string bytes = whole.substr(0, whole.size() - 64);
    const size_t head = 14 + 64;  // behind it the key is no longer what is wrong
    bytes[head + rng.below(bytes.size() - head)] = static_cast<char>(rng.next_u32());
    write_file(file, bytes + sha256_hex(bytes));
    const CachedWords read = place.read();
    if (read.from_cache) {
      CHECK(read.corpus.row_begin.back() == static_cast<int64_t>(read.corpus.word_of.size()));
      for (const int32_t word : read.corpus.word_of)
        CHECK(static_cast<size_t>(word) < read.corpus.words.size());
    } else {
      CHECK(read.corpus == corpus);
      CHECK(!read.note.empty());
      ++refused;
    }
  }
  CHECK(refused > 25);
}

TEST_CASE(
    "a folder that cannot be written, a folder in place of the file and no folder at all are no errors") {
  const Place place;
  CHECK(read_imdb_words(place.data, "").note.empty());
  write_file(place.folder / "file", "x");
  const CachedWords blocked = read_imdb_words(place.data, place.folder / "file");
  CHECK(blocked.corpus.rows() == 4);
  CHECK(has(blocked.note, "the words are not kept for the next time ("));
  place.read();
  const fs::path file = place.file();
  fs::remove(file);
  fs::create_directories(file / "inside");
  const CachedWords in_the_way = place.read();
  CHECK(in_the_way.corpus.rows() == 4);
  CHECK(!in_the_way.note.empty());
  if (geteuid() != 0) {  // who may write everywhere meets no such folder
    fs::create_directories(place.folder / "closed");
    fs::permissions(place.folder / "closed", fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(has(read_imdb_words(place.data, place.folder / "closed").note, "are not kept for the next time"));
  }
}

TEST_CASE("what an interrupted writing left is no hindrance") {
  const Place place;
  place.read();
  const fs::path file = place.file();
  const std::string whole = read_file(file);
  fs::remove(file);
  write_file(file.string() + ".part", "half a cache");
  CHECK(place.read().note.empty());
  CHECK(read_file(place.file()) == whole);
}

TEST_CASE("a faulty corpus is an error with a cache as without, and leaves none") {
  const Place place;
  write_file(place.data, "review,sentiment\na,neutral\n");
  CHECK_ERROR(ErrorKind::Data, "line 2: unknown label 'neutral'", place.read());
  CHECK(!fs::exists(place.cache));
  CHECK_ERROR(ErrorKind::Data, "no such file", read_imdb_words(place.folder / "none", place.cache));
}

TEST_CASE("several readers at once get the same words") {
  const Place place;
  CachedWords read[4];
  {
    std::vector<std::jthread> threads;
    for (CachedWords& words : read) threads.emplace_back([&] { words = place.read(); });
  }
  for (const CachedWords& words : read) CHECK(words.corpus == read[0].corpus);
  CHECK(place.read().from_cache);
}
