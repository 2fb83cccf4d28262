#include "datasets/locate.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "core/error.h"
#include "datasets/describe.h"
#include "datasets/generator.h"
#include "datasets/sha256.h"
#include "datasets/sms.h"
#include "datasets/split.h"
#include "tests/support/support.h"

using namespace octet;
using namespace octet::testing;
namespace fs = std::filesystem;

namespace {

const std::string kData = "ham\ta\nspam\tb\n";

// A machine of our own: places in a temporary folder, none of which holds data.
struct Machine {
  TemporaryFolder folder;
  DataPlaces places;
  Machine() {
    for (const char* name :
         {"here/work", "here/shared/data", "there/octet/build/asan", "there/shared/data", "cache", "env"})
      fs::create_directories(folder / name);
    places.current = folder / "here/work";
    places.program = folder / "there/octet/build/asan/octet";
    places.cache = folder / "cache";
  }
  void put(const std::string& at) { write_file(folder / at, kData); }
  std::string found() const {
    const TextCorpus corpus = load_sms(places);
    return corpus.generated ? "generated" : fs::relative(corpus.path, folder.path()).string();
  }
};

// In lower case and without marks, which is all that generated text needs.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ') {
      words.emplace_back();
    } else if (std::isalnum(static_cast<unsigned char>(c))) {
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    }
  }
  return words;
}

}  // namespace

TEST_CASE("data is looked for in the documented order, and generated at last") {
  Machine m;
  CHECK(m.found() == "generated");
  m.put("cache/SMSSpamCollection");
  CHECK(m.found() == "cache/SMSSpamCollection");
  m.put("there/shared/data/SMSSpamCollection");
  CHECK(m.found() == "there/shared/data/SMSSpamCollection");
  m.put("here/shared/data/SMSSpamCollection");
  CHECK(m.found() == "here/shared/data/SMSSpamCollection");
  m.places.environment = m.folder / "env";
  CHECK(m.found() == "here/shared/data/SMSSpamCollection");  // the folder is there but has no SMS corpus
  m.put("env/SMSSpamCollection");
  CHECK(m.found() == "env/SMSSpamCollection");
  m.put("asked");
  m.places.asked = m.folder / "asked";
  CHECK(m.found() == "asked");
}

TEST_CASE("data that was named on purpose and is not there is an error, never replaced") {
  Machine m;
  m.put("cache/SMSSpamCollection");
  m.places.environment = m.folder / "nowhere";
  CHECK_ERROR(ErrorKind::Data, "OCTET_DATA=" + (m.folder / "nowhere").string() + ": no such file",
              load_sms(m.places));
  m.places.asked = m.folder / "absent";
  CHECK_ERROR(ErrorKind::Data, "--data " + (m.folder / "absent").string() + ": no such file",
              load_sms(m.places));
  m.places.asked = m.folder / "env";
  CHECK_ERROR(ErrorKind::Data, "the folder holds none of sms_spam.csv, SMSSpamCollection",
              load_sms(m.places));
}

TEST_CASE("the places of this process are those of its environment") {
  const DataPlaces places = DataPlaces::of_this_process("x");
  CHECK(places.asked == fs::path("x"));
  CHECK(places.current == fs::current_path());
  CHECK(places.program.filename() == "test_corpus");
  CHECK(data_candidates(places) == std::vector<fs::path>{"x"});
}

TEST_CASE("a program that uses octet does not load what only downloads need") {
  // libcurl and the libraries behind it would take longer to load than the rest of the program
  // (datasets/libcurl-inl.h).
  std::ifstream maps("/proc/self/maps");
  REQUIRE(maps.good());
  for (std::string line; std::getline(maps, line);) {
    CHECK(line.find("libcurl") == std::string::npos);
    CHECK(line.find("libcrypto") == std::string::npos);
  }
}

TEST_CASE("the generated corpus has the shape of the SMS collection and says that it is generated") {
  const TextCorpus corpus = generate_sms();
  require_trainable(corpus);
  CHECK(corpus.generated);
  CHECK(corpus.source() == "generated");
  CHECK(corpus.rows() == 5574);
  CHECK(std::count(corpus.labels.begin(), corpus.labels.end(), 1) == 747);
  CHECK(corpus.sha256 == sha256_hex(sms_as_uci(corpus)));
  const TextCorpus read = parse_sms(sms_as_uci(corpus), "generated");
  CHECK(read.texts == corpus.texts);
  CHECK(read.labels == corpus.labels);
  const CorpusFacts facts =
      describe(corpus, [](std::string_view text) { return int64_t(words_of(text).size()); });
  CHECK(facts.lengths.mean > 14);
  CHECK(facts.lengths.mean < 20);
  CHECK(facts.lengths.longest > 100);
  CHECK(facts.empty_texts == 0);
}

TEST_CASE("the generated corpus is the same on every machine and differs by seed") {
  CHECK(generate_sms().sha256 == "fafe1a73b68daa7d72d5fcbbe8c898cbb5098b2830084d0509483cc8bf4c7992");
  CHECK(generate_sms(7).sha256 != generate_sms().sha256);
  CHECK(generate_sms(7, 100, 20).sha256 == generate_sms(7, 100, 20).sha256);
  CHECK_ERROR(ErrorKind::Usage, "0 spam of 10 rows", generate_sms(1, 10, 0));
  CHECK_ERROR(ErrorKind::Usage, "10 spam of 10 rows", generate_sms(1, 10, 10));
}

TEST_CASE("generated words follow Zipf's law roughly") {
  std::map<std::string, int64_t> counts;
  for (const std::string& text : generate_sms().texts)
    for (std::string& word : words_of(text)) ++counts[word];
  std::vector<int64_t> sorted;
  for (const auto& [word, n] : counts) sorted.push_back(n);
  std::sort(sorted.rbegin(), sorted.rend());
  REQUIRE(sorted.size() > 4000);
  // rank x count stays within a factor of 2.5 over two decades
  for (const size_t rank : {10, 30, 100, 300, 1000}) {
    const double product =
        static_cast<double>(rank * sorted[rank - 1]) / static_cast<double>(100 * sorted[99]);
    CHECK(product > 0.4);
    CHECK(product < 2.5);
  }
}

TEST_CASE("the generated corpus can be learned, but not without error") {
  // Naive Bayes on words (add-a-tenth smoothing), trained on three quarters.
  const TextCorpus corpus = generate_sms();
  const Split split = split_rows(corpus.rows());
  std::map<std::string, double> counts[2];
  double totals[2] = {0, 0}, rows[2] = {0, 0};
  for (const int32_t row : split.train) {
    const int32_t label = corpus.labels[row];
    ++rows[label];
    for (std::string& word : words_of(corpus.texts[row])) ++counts[label][word], ++totals[label];
  }
  int64_t right = 0;
  for (const int32_t row : split.validation) {
    double score = std::log(rows[1] / rows[0]);
    for (std::string& word : words_of(corpus.texts[row]))
      score += std::log((counts[1][word] + 0.1) / (totals[1] + 600)) -
               std::log((counts[0][word] + 0.1) / (totals[0] + 600));
    right += (score > 0) == (corpus.labels[row] == 1);
  }
  const double accuracy = static_cast<double>(right) / static_cast<double>(split.validation.size());
  INFO("accuracy " << accuracy);
  CHECK(accuracy > 0.93);  // answering "ham" has 0.87
  CHECK(accuracy < 0.995);
}

TEST_CASE("a corpus is described: classes, repeated and ambiguous texts, lengths") {
  TextCorpus corpus;
  corpus.label_names = {"ham", "spam"};
  corpus.texts = {"a", "bb", "a", "a", "bb", "", "cccc"};
  corpus.labels = {0, 0, 0, 1, 0, 0, 1};
  std::vector<int64_t> lengths;
  const CorpusFacts facts = describe(
      corpus, [](std::string_view t) { return static_cast<int64_t>(t.size()); }, &lengths);
  CHECK(facts.rows == 7);
  CHECK(facts.classes[0].name == "ham");
  CHECK(facts.classes[0].rows == 5);
  CHECK(facts.classes[1].rows == 2);
  CHECK(facts.distinct_texts == 4);
  CHECK(facts.ambiguous_texts == 1);
  CHECK(facts.empty_texts == 1);
  CHECK(lengths == std::vector<int64_t>{1, 2, 1, 1, 2, 0, 4});
  CHECK(facts.lengths.total == 11);
  CHECK(facts.lengths.shortest == 0);
  CHECK(facts.lengths.median == 1);
  CHECK(facts.lengths.longest == 4);
  CHECK(length_facts({}).count == 0);
}

TEST_CASE("percentiles are nearest ranks") {
  std::vector<int64_t> values;
  for (int64_t i = 1; i <= 100; ++i) values.push_back(101 - i);
  const LengthFacts facts = length_facts(values);
  CHECK(facts.median == 50);
  CHECK(facts.p90 == 90);
  CHECK(facts.p99 == 99);
  CHECK(facts.mean == 50.5);
}

TEST_CASE("the two SMS files have the documented numbers of distinct texts") {
  const auto bytes = [](std::string_view t) { return static_cast<int64_t>(t.size()); };
  CHECK(describe(read_sms(NEED_DATA("SMSSpamCollection")), bytes).distinct_texts == 5171);
  const CorpusFacts csv = describe(read_sms(NEED_DATA("sms_spam.csv")), bytes);
  CHECK(csv.distinct_texts == 5160);
  CHECK(csv.ambiguous_texts == 0);
}

TEST_CASE("a histogram has one line a bin, counts everything and keeps its width") {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 1000; ++i) values.push_back(1 + i % 24);
  values.push_back(500);
  const std::string text = histogram(values, 4, 50);
  CHECK(text ==
        "  1-  6 |##################################### 252\n"
        "  7- 12 |##################################### 252\n"
        " 13- 18 |##################################### 250\n"
        " 19- 24 |##################################### 246\n"
        " 25-500 |#                                       1\n");
  CHECK(histogram(std::vector<int64_t>{5, 5, 5}, 12, 40) == "5-5 |################################# 3\n");
  CHECK(histogram({}, 12, 40) == "(no values)\n");
  CHECK_ERROR(ErrorKind::Usage, "0 bins", histogram(values, 0, 50));
  CHECK(grouped(5574) == "5,574");
  CHECK(grouped(-1234567) == "-1,234,567");
  CHECK(grouped(999) == "999");
}
