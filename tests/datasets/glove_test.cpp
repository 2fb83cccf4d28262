#include "datasets/glove.h"

#include <cmath>
#include <random>

#include "core/cpu/thread_pool.h"
#include "core/error.h"
#include "datasets/sha256.h"
#include "tests/datasets/pack.h"
#include "tests/support/support.h"
#include "tests/support/xz.h"

using namespace octet;
using namespace octet::testing;

namespace {

using Words = std::vector<std::string_view>;

const char* const kThree =
    "the 0.5 -1 2\n"
    "free 1e-2 .25 -3.5\n"
    "Free 7 8 9\n";

GloveVectors read(const std::filesystem::path& path, const Words& words, int64_t dimension = 3,
                  bool lower_case = true) {
  return read_glove(path, dimension, words, Rng(1), lower_case);
}

std::vector<float> row_of(const GloveVectors& vectors, size_t word) {
  const auto row = vectors.row(word);
  return {row.begin(), row.end()};
}

// A file with this content, read.
class Made {
 public:
  explicit Made(const std::string& bytes, const std::string& name = "glove.txt") : path_(folder_ / name) {
    write_file(path_, bytes);
  }
  const std::filesystem::path& path() const { return path_; }
  GloveVectors read(const Words& words = {"the"}, int64_t dimension = 3) const {
    return read_glove(path_, dimension, words, Rng(1));
  }

 private:
  TemporaryFolder folder_;
  std::filesystem::path path_;
};

bool has_note(const GloveVectors& vectors, const std::string& text) {
  for (const std::string& note : vectors.notes)
    if (note.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("word vectors are found as written, then in lower case, and said to be") {
  const Made file(kThree);
  const Words words = {"FREE", "Free", "free", "the", "The", "none"};
  const GloveVectors vectors = file.read(words);
  CHECK(row_of(vectors, 0) == std::vector<float>{0.01f, 0.25f, -3.5f});
  CHECK(row_of(vectors, 1) == std::vector<float>{7, 8, 9});
  CHECK(row_of(vectors, 2) == row_of(vectors, 0));
  CHECK(row_of(vectors, 3) == std::vector<float>{0.5f, -1, 2});
  CHECK(row_of(vectors, 4) == row_of(vectors, 3));
  using enum GloveMatch;
  CHECK(vectors.matches ==
        std::vector<GloveMatch>{LowerCased, AsWritten, AsWritten, AsWritten, LowerCased, None});
  CHECK(vectors.lines == 3);
  CHECK(vectors.sha256 == sha256_hex(kThree));
  CHECK(vectors.source == file.path().string());
  CHECK(vectors.notes.empty());

  const GloveVectors cased = read(file.path(), words, 3, /*lower_case=*/false);
  CHECK(cased.matches == std::vector<GloveMatch>{None, AsWritten, AsWritten, AsWritten, None, None});
}

TEST_CASE("lower case is Unicode's") {
  const Made file("\xC3\xA9t\xC3\xA9 1 2 3\n\xD0\xBC\xD0\xB8\xD1\x80 4 5 6\n");
  const GloveVectors vectors = file.read({"\xC3\x89T\xC3\x89", "\xD0\x9C\xD0\x98\xD0\xA0"});
  CHECK(vectors.matches == std::vector<GloveMatch>(2, GloveMatch::LowerCased));
  CHECK(row_of(vectors, 1) == std::vector<float>{4, 5, 6});
}

TEST_CASE("mean and deviation are those of all vectors, by dimension") {
  const GloveVectors vectors = Made("a 1 10 0\nb 3 10 0.5\nc 8 10 -0.5\n").read();
  CHECK(vectors.mean[0] == doctest::Approx(4));
  CHECK(vectors.mean[1] == 10);
  CHECK(vectors.deviation[0] == doctest::Approx(std::sqrt(26.0 / 3)));
  CHECK(vectors.deviation[1] == 0);
  CHECK(vectors.deviation[2] == doctest::Approx(std::sqrt(0.5 / 3)));
}

TEST_CASE("words without a vector are drawn with the mean and the spread of the vectors, each by itself") {
  const Made file("a 1 -10 5\nb 3 -30 5\n");
  std::vector<std::string> names;
  for (int i = 0; i < 20000; ++i) names.push_back("w" + std::to_string(i));
  const Words words(names.begin(), names.end());
  const GloveVectors all = file.read(words);
  for (size_t d = 0; d < 3; ++d) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < words.size(); ++i) sum += all.row(i)[d], squares += all.row(i)[d] * all.row(i)[d];
    const double n = 20000, mean = sum / n, deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
    INFO(d);
    // Five standard errors of a mean, and of a standard deviation.
    CHECK(std::abs(mean - all.mean[d]) <= 5 * all.deviation[d] / std::sqrt(n));
    CHECK(std::abs(deviation - all.deviation[d]) <= 5 * all.deviation[d] / std::sqrt(2 * n) + 1e-6);
  }
  // Neither order nor the other words matter; the seed does.
  const GloveVectors few = file.read({"w777", "a", "w3"});
  CHECK(row_of(few, 0) == row_of(all, 777));
  CHECK(row_of(few, 2) == row_of(all, 3));
  CHECK(row_of(few, 0) != row_of(few, 2));
  CHECK(row_of(read_glove(file.path(), 3, Words{"w3"}, Rng(2)), 0) != row_of(few, 2));
}

TEST_CASE("vectors are the same packed in every way, and have the same SHA-256") {
  TemporaryFolder folder;
  const std::string text = kThree;
  const std::vector<PackedFile> published = {{"glove.6B.2d.txt", "a 1 2\n"}, {"glove.6B.3d.txt", text}};
  write_file(folder / "gz", pack(Pack::Gz, {{"x", text}}));
  write_file(folder / "xz", pack(Pack::Xz, {{"x", text}}));
  write_file(folder / "zip", pack(Pack::Zip, published));
  write_file(folder / "tar", pack(Pack::TarGz, published));
  write_file(folder / "one", pack(Pack::Zip, {{"README", "hello"}, {"vectors.txt", text}}));
  for (const char* name : {"gz", "xz", "zip", "tar", "one"}) {
    INFO(name);
    const GloveVectors vectors = read(folder / name, {"the", "free"});
    CHECK(row_of(vectors, 1) == std::vector<float>{0.01f, 0.25f, -3.5f});
    CHECK(vectors.sha256 == sha256_hex(text));
    CHECK(glove_dimension(folder / name, 3) == 3);
  }
  CHECK(read(folder / "zip", {"a"}, 2).source == (folder / "zip").string() + " (glove.6B.2d.txt)");
  CHECK(glove_dimension(folder / "zip", 2) == 2);
  CHECK(glove_dimension(folder / "one", 100) == 3);
  CHECK_ERROR(ErrorKind::Data,
              "no vectors of 100 dimensions (a file named like glove.100d.txt) in the archive, which holds "
              "glove.6B.2d.txt, glove.6B.3d.txt",
              glove_dimension(folder / "zip", 100));
  CHECK_ERROR(ErrorKind::Data, "no vectors of 4 dimensions", read(folder / "zip", {"a"}, 4));
}

TEST_CASE("damaged archives of word vectors are errors") {
  TemporaryFolder folder;
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "w" + std::to_string(i * 7919) + " 1 2 3\n";
  for (const Pack as : {Pack::Gz, Pack::Xz, Pack::Zip, Pack::TarGz}) {
    const std::string packed = pack(as, {{"glove.3d.txt", many}});
    write_file(folder / "cut", packed.substr(0, packed.size() / 2));
    CHECK_ERROR(ErrorKind::Data, "cut: ", read(folder / "cut", {"a"}));
  }
  write_file(folder / "nothing.zip", std::string("PK\x05\x06", 4) + std::string(18, '\0'));
  CHECK_ERROR(ErrorKind::Data, "which holds nothing", read(folder / "nothing.zip", {"a"}));
}

TEST_CASE("lines that are no word and numbers are errors with file and line") {
  const auto fault = [](const std::string& line, const std::string& message) {
    const Made file("the 0.5 -1 2\n" + line + "\nend 1 2 3\n");
    INFO(line);
    CHECK_ERROR(ErrorKind::Data, file.path().string() + ", line 2: " + message, file.read());
  };
  fault("a 1 2", "4 columns wanted (a word and 3 numbers), 3 found");
  fault("a", "4 columns wanted (a word and 3 numbers), 1 found");
  fault("a 1 2 3 4", "4 columns wanted (a word and 3 numbers), 5 found");
  fault("a b 1 2 3 4", "4 columns wanted (a word and 3 numbers), 6 found");
  fault("a 1 x 3", "column 3, 'x', is not a finite number");
  fault("a 1 2 3x", "column 4, '3x', is not a finite number");
  fault("a 1  3", "column 3, '', is not a finite number");
  fault("a 1 2 nan", "column 4, 'nan', is not a finite number");
  fault("a -inf 2 3", "column 2, '-inf', is not a finite number");
  fault("a 1 2 1e39", "column 4, '1e39', is not a finite number");
  fault("a 0x10 2 3", "column 2, '0x10', is not a finite number");
  fault("a 1,5 2 3", "column 2, '1,5', is not a finite number");
  fault(" 1 2 3", "no word stands before the numbers");
  fault("\xE9t\xE9 1 2 3", "the word '...' is not valid UTF-8");
  fault("a\t1\t2\t3", "4 columns wanted (a word and 3 numbers), 1 found");
  fault(std::string("a 1 \0 3", 7), "a NUL byte; this is binary data, not text");
  // Lines of words that nobody wants are checked as all others; what a message shows is short and printable.
  fault("a 1 2 \x1B[31m" + std::string(100, 'z'), "column 4, '?[31mzzz");
}

TEST_CASE("a file that is cut short is an error that says so") {
  CHECK_ERROR(ErrorKind::Data,
              "line 2: 4 columns wanted (a word and 3 numbers), 3 found; the file ends in this",
              Made("the 0.5 -1 2\na 1 2").read());
  CHECK(Made("the 0.5 -1 2\na 1 2 3").read().lines == 2);  // the last line need not be ended
}

TEST_CASE("files without vectors are errors") {
  CHECK_ERROR(ErrorKind::Data, "the file is empty", Made("").read());
  CHECK_ERROR(ErrorKind::Data, "the file holds no vectors", Made("\n\n").read());
  CHECK_ERROR(ErrorKind::Data, "the file holds no vectors", Made("0 3\n").read());
  CHECK_ERROR(ErrorKind::Data, "no such file", read("/nonexistent/glove.txt", {"a"}));
  CHECK_ERROR(ErrorKind::Data, "this is a folder", read("/tmp", {"a"}));
  CHECK_ERROR(ErrorKind::Data, "these are no word vectors", glove_dimension(Made("{}\n").path(), 50));
  CHECK_ERROR(ErrorKind::Data, "line 1: a line of more than",
              glove_dimension(Made(std::string(size_t{3} << 20, 'x')).path(), 50));
}

TEST_CASE("the dimension is told by the first line, and another one is an error") {
  const Made file(kThree);
  CHECK(glove_dimension(file.path(), 100) == 3);
  CHECK_ERROR(ErrorKind::Data, "line 1: 3 columns wanted (a word and 2 numbers), 4 found",
              file.read({"a"}, 2));
  CHECK_ERROR(ErrorKind::Data, "line 1: 51 columns wanted (a word and 50 numbers), 4 found",
              file.read({"a"}, 50));
}

TEST_CASE("a header as word2vec writes it is passed over with a note, and has to be true") {
  const std::string header = "3 3\n";
  const Made file(header + kThree);
  const GloveVectors vectors = file.read();
  CHECK(row_of(vectors, 0) == std::vector<float>{0.5f, -1, 2});
  CHECK(has_note(vectors, "line 1 is the header of word2vec's format"));
  CHECK(glove_dimension(file.path(), 50) == 3);
  CHECK_ERROR(ErrorKind::Data, "line 1: 50 dimensions wanted, the header names 3", file.read({"a"}, 50));
  CHECK_ERROR(ErrorKind::Data, "line 1: the header counts 4 words, the file has 3; is it cut short?",
              Made(std::string("4 3\n") + kThree).read());
  CHECK_ERROR(ErrorKind::Data, "line 3: ", Made("2 3\na 1 2 3\nb 1 2\n").read());
  // word2vec ends its lines with a space. In one dimension a word and its number are no header.
  CHECK(row_of(Made("1 3\r\nthe 1 2 3 \r\n").read(), 0) == std::vector<float>{1, 2, 3});
  CHECK(row_of(Made("7 5\n8 6\n").read({"8"}, 1), 0) == std::vector<float>{6});
}

TEST_CASE("of a word that comes again the first vector counts, with a note") {
  const Made file(std::string(kThree) + "the 9 9 9\nfoo 1 1 1\nthe 8 8 8\nfoo 2 2 2\n");
  const GloveVectors vectors = file.read();
  CHECK(row_of(vectors, 0) == std::vector<float>{0.5f, -1, 2});
  CHECK(vectors.lines == 7);
  CHECK(has_note(
      vectors,
      "3 lines repeat words, whose first vectors count; the first is line 4, a repetition of line 1"));
}

TEST_CASE("words that hold spaces are kept whole, with a note") {
  const Made file("the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n");
  const GloveVectors vectors = file.read({". . .", ".", "at name@domain.com"});
  CHECK(row_of(vectors, 0) == std::vector<float>{4, 5, 6});
  CHECK(row_of(vectors, 2) == std::vector<float>{7, 8, 9});
  CHECK(vectors.matches[1] == GloveMatch::None);
  CHECK(has_note(vectors, "2 words hold spaces; the first is '. . .' in line 2"));
}

TEST_CASE("Windows line ends, empty lines and a byte order mark do not matter, numbers too small are 0") {
  const GloveVectors vectors = Made("\xEF\xBB\xBFthe 1 2 3\r\n\r\nb 4 5 6\r\n\n").read({"the", "b"});
  CHECK(row_of(vectors, 0) == std::vector<float>{1, 2, 3});
  CHECK(row_of(vectors, 1) == std::vector<float>{4, 5, 6});
  CHECK(vectors.lines == 2);
  CHECK(row_of(Made("the 1e-60 -1e-50 3.4e38\n").read(), 0) == std::vector<float>{0, -0.0f, 3.4e38f});
}

TEST_CASE("a file of many blocks gives the same with any number of threads, and right line numbers") {
  std::string text;
  const std::string zeros(200, '0');
  std::vector<std::string> names;
  while (text.size() < (size_t{17} << 20)) {  // blocks have 16 MiB
    names.push_back("word" + std::to_string(names.size()));
    text += names.back() + " 0.25" + zeros + " -1.125" + zeros + " " + std::to_string(names.size()) + "\n";
  }
  const Words words(names.begin(), names.end());
  const Made file(text);
  cpu::set_thread_count(1);
  const GloveVectors one = file.read(words);
  cpu::set_thread_count(3);
  const GloveVectors three = file.read(words);
  cpu::set_thread_count(0);
  REQUIRE(one.lines == static_cast<int64_t>(names.size()));
  CHECK(one.values == three.values);
  CHECK(one.mean == three.mean);
  CHECK(one.deviation == three.deviation);
  CHECK(one.sha256 == sha256_hex(text));
  bool right = true;
  for (size_t i = 0; i < names.size(); ++i)
    right &= one.row(i)[0] == 0.25f && one.row(i)[2] == static_cast<float>(i + 1);
  CHECK(right);
  const std::string line = "line " + std::to_string(names.size() + 1) + ": column 3, 'x',";
  CHECK_ERROR(ErrorKind::Data, line, Made(text + "bad 1 x 3\nalso bad\n").read());
}

TEST_CASE("numbers are those that strtof reads, to the bit") {
  std::mt19937 random(7);
  std::string text;
  std::vector<float> wanted;
  for (int i = 0; i < 20000; ++i) {
    char number[80];
    const double value = std::ldexp(static_cast<double>(random()) - 2147483648.0, i % 5 ? -30 : i % 120 - 90);
    const char* const formats[] = {"%.*f", "%.*g", "%.*e"};
    std::snprintf(number, sizeof number, formats[i % 3], static_cast<int>(random() % 17), value);
    wanted.push_back(std::strtof(number, nullptr));
    text += "w" + std::to_string(i) + " " + number + "\n";
  }
  std::vector<std::string> names;
  for (int i = 0; i < 20000; ++i) names.push_back("w" + std::to_string(i));
  CHECK(Made(text).read(Words(names.begin(), names.end()), 1).values == wanted);
}

TEST_CASE("bytes at random are read or refused, never more") {
  std::mt19937 random(3);
  const std::string letters = "ab 01.-e\n\r \t\xC3\xA9";
  const Words words = {"a", "b"};
  for (int i = 0; i < 1500; ++i) {
    std::string text = i % 3 ? kThree : "";
    for (unsigned n = random() % 60; n > 0; --n)
      text.insert(random() % (text.size() + 1), 1,
                  i % 2 ? letters[random() % letters.size()] : static_cast<char>(random()));
    const Made file(text);
    try {
      const GloveVectors vectors = file.read(words);
      bool finite = true;
      for (const float value : vectors.values) finite &= std::isfinite(value);
      CHECK(finite);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
    }
  }
}

TEST_CASE("the published vectors of 50 dimensions are read as they stand") {
  const auto path = NEED_DATA("glove.6B.50d.60k.txt.xz");
  CHECK(glove_dimension(path, 100) == 50);
  const GloveVectors vectors = read(path, {"the", "Free", "caf\xC3\xA9", "eales", "qzxv"}, 50);
  CHECK(vectors.lines == 60000);
  CHECK(vectors.sha256 == "dcdfe3f85c19a7bbd9968467989abab2639d9d9904709bdfab0267461e0070ad");
  CHECK(vectors.notes.empty());
  using enum GloveMatch;
  CHECK(vectors.matches == std::vector<GloveMatch>{AsWritten, LowerCased, AsWritten, AsWritten, None});
  CHECK(vectors.row(0)[0] == 0.418f);
  CHECK(vectors.row(0)[49] == -0.78581f);
  CHECK(vectors.row(1)[1] == 0.4528f);
  CHECK(vectors.row(2)[49] == -0.14342f);
  CHECK(vectors.row(3)[0] == -1.0855f);  // the last line
  // Of Python, with math.fsum over the decimals.
  CHECK(vectors.mean[0] == doctest::Approx(0.072316584173405).epsilon(1e-7));
  CHECK(vectors.mean[49] == doctest::Approx(-0.10025457573563333).epsilon(1e-7));
  CHECK(vectors.deviation[0] == doctest::Approx(0.6930263302114349).epsilon(1e-7));
  CHECK(vectors.deviation[49] == doctest::Approx(0.6876153730600134).epsilon(1e-7));
}

TEST_CASE("the published vectors of 100 dimensions are read as they stand") {
  const auto path = NEED_DATA("glove.6B.100d.2717.txt.xz");
  CHECK(glove_dimension(path, 50) == 100);
  const GloveVectors vectors = read(path, {"free", "shut", ","}, 100);
  CHECK(vectors.lines == 2717);
  CHECK(vectors.sha256 == "cd952ffe642cf07ec16683847c3bada9ffa4851939be4d55839851a666cdf115");
  CHECK(vectors.row(0)[99] == 0.03047f);
  CHECK(vectors.row(1)[0] == 0.34115f);
  CHECK(vectors.row(2)[0] == -0.10767f);
  CHECK(vectors.mean[99] == doctest::Approx(0.0022294282627898414).epsilon(1e-6));
  CHECK(vectors.deviation[0] == doctest::Approx(0.44143200662416204).epsilon(1e-7));
  CHECK_ERROR(ErrorKind::Data, "51 columns wanted (a word and 50 numbers), 101 found", read(path, {"a"}, 50));
}
