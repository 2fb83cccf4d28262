#include "datasets/word_cache.h"

#include <cstring>
#include <optional>
#include <type_traits>

#include "core/error.h"
#include "datasets/input_file.h"
#include "datasets/part_file.h"
#include "datasets/sha256.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

// A file is, in the byte order of x86: kMagic, the key, the corpus as `put` and `take` below say, and the
// SHA-256 of all that, in hexadecimal digits.
constexpr std::string_view kMagic = "octet words 1\n";
constexpr size_t kDigits = 64;

std::string key_of(const WordCache& cache) {
  return sha256_hex(std::string(kMagic) + cache.name + "\n" + cache.content + "\n" + cache.rules);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void put(std::string_view text) {
    put(static_cast<uint64_t>(text.size()));
    out_.append(text);
  }
  template <class T>
  void put(const T& value) requires std::is_arithmetic_v<T> {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  void put(const std::vector<T>& values) requires std::is_arithmetic_v<T> {
    put(std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }
  void put(const std::vector<std::string>& values) {
    put(static_cast<uint64_t>(values.size()));
    for (const std::string& value : values) put(std::string_view(value));
  }

 private:
  std::string& out_;
};

// Every take checks that what it takes is there, although the SHA-256 has been checked before.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(size_t size) {
    require(size <= bytes_.size(), ErrorKind::Data, "it ends too early");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <class T>
  void take_to(T& value) requires std::is_arithmetic_v<T> {
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
  }
  void take_to(std::string& text) { text = take(take_size()); }
  template <class T>
  void take_to(std::vector<T>& values) requires std::is_arithmetic_v<T> {
    const std::string_view taken = take(take_size());
    require(taken.size() % sizeof(T) == 0, ErrorKind::Data, "a list ends within a number");
    values.resize(taken.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), taken.data(), taken.size());
  }
  void take_to(std::vector<std::string>& values) {
    const size_t size = take_size();
    require(size <= bytes_.size(), ErrorKind::Data, "it ends too early");  // before memory is asked for
    values.resize(size);
    for (std::string& value : values) take_to(value);
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  size_t take_size() {
    uint64_t size = 0;
    take_to(size);
    return size;
  }
  std::string_view bytes_;
};

// Every member of a corpus, but for its path, which may change while the content stays.
template <class Corpus, class Visit>
void visit(Corpus& corpus, const Visit& v) {
  v(corpus.name), v(corpus.entry), v(corpus.sha256), v(corpus.encoding);
  v(corpus.labels), v(corpus.label_names);
  v(corpus.words_seen), v(corpus.words), v(corpus.row_begin), v(corpus.word_of);
}

void check_numbers(const WordCorpus& corpus) {
  const auto in_order = [&] {
    if (corpus.row_begin.size() != corpus.labels.size() + 1 || corpus.row_begin.front() != 0) return false;
    for (size_t i = 1; i < corpus.row_begin.size(); ++i)
      if (corpus.row_begin[i] < corpus.row_begin[i - 1]) return false;
    return corpus.row_begin.back() == static_cast<int64_t>(corpus.word_of.size());
  };
  require(in_order(), ErrorKind::Data, "its rows do not fit its words");
  const auto below = [](const std::vector<int32_t>& values, size_t limit) {
    for (const int32_t value : values)
      if (value < 0 || static_cast<size_t>(value) >= limit) return false;
    return true;
  };
  require(below(corpus.word_of, corpus.words.size()) && below(corpus.labels, corpus.label_names.size()),
          ErrorKind::Data, "a number in it is out of range");
}

// Errors of any kind say what is wrong with the file.
WordCorpus read_cache(const fs::path& path, const std::string& key) {
  const std::string bytes = read_input_file(path);
  require(bytes.size() > kMagic.size() + 2 * kDigits && bytes.starts_with(kMagic), ErrorKind::Data,
          "it is no cache of words");
  const std::string_view covered = std::string_view(bytes).substr(0, bytes.size() - kDigits);
  require(sha256_hex(covered) == std::string_view(bytes).substr(covered.size()), ErrorKind::Data,
          "its SHA-256 is wrong");
  Reader reader(covered.substr(kMagic.size()));
  require(reader.take(kDigits) == key, ErrorKind::Data, "it was made from other data or by other rules");
  WordCorpus corpus;
  visit(corpus, [&](auto& member) { reader.take_to(member); });
  require(reader.at_end(), ErrorKind::Data, "it is too long");
  check_numbers(corpus);
  return corpus;
}

void write_cache(const fs::path& path, const std::string& key, const WordCorpus& corpus) {
  std::string bytes(kMagic);
  bytes += key;
  Writer writer(bytes);
  visit(corpus, [&](const auto& member) { writer.put(member); });
  bytes += sha256_hex(bytes);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  require(!error, ErrorKind::Internal, path.parent_path().string(), ": cannot create the folder, ",
          error.message());
  PartFile part(path);
  require(part.clear() && part.append(bytes), ErrorKind::Internal, part.path().string(), ": cannot write, ",
          part.write_error());
  part.finish();
}

}  // namespace

fs::path WordCache::path() const { return folder / (name + "-" + key_of(*this).substr(0, 16) + ".words"); }

CachedWords cached_words(const WordCache& cache, const std::string& corpus_path,
                         const std::function<WordCorpus()>& make) {
  if (cache.folder.empty()) return {make()};
  const fs::path path = cache.path();
  const std::string key = key_of(cache);
  CachedWords result;
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    try {
      result.corpus = read_cache(path, key);
      result.corpus.path = corpus_path;
      result.from_cache = true;
      return result;
    } catch (const std::exception& error) {
      result.note = "the cache " + path.string() + " is not used, " + error.what() + "; it is made anew";
    }
  }
  result.corpus = make();
  try {
    write_cache(path, key, result.corpus);
  } catch (const std::exception& error) {
    result.note = "the words are not kept for the next time (" + std::string(error.what()) + ")";
  }
  return result;
}

}  // namespace octet
