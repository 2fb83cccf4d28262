#include "datasets/imdb.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "datasets/csv.h"
#include "datasets/sha256.h"
#include "tests/datasets/pack.h"
#include "tests/datasets/whole_imdb.h"
#include "tests/support/support.h"
#include "tests/support/xz.h"

using namespace octet;
using namespace octet::testing;

namespace {

const std::string kCsv =
    "review,sentiment\n\"Good, \"\"very\"\" good.<br />\",positive\nBad \xC3\xA9t\xC3\xA9,negative\n";

void check_small(const TextCorpus& corpus) {
  CHECK(corpus.name == "imdb");
  CHECK(corpus.encoding == "UTF-8");
  CHECK(!corpus.generated);
  CHECK(corpus.label_names == std::vector<std::string>{"negative", "positive"});
  CHECK(corpus.labels == std::vector<int32_t>{1, 0});
  CHECK(corpus.texts == std::vector<std::string>{"Good, \"very\" good.<br />", "Bad \xC3\xA9t\xC3\xA9"});
}

// A release with so many files; the reader is content with one of each label.
std::vector<PackedFile> release() {
  return {{"aclImdb/README", "read me"},
          {"aclImdb/imdb.vocab", "the\n"},
          {"aclImdb/train/", ""},
          {"aclImdb/train/urls_pos.txt", "http://"},
          {"aclImdb/train/unsup/0_0.txt", "unlabelled"},
          {"aclImdb/train/pos/0_9.txt", "Fine."},
          {"aclImdb/train/pos/._0_9.txt", "a hidden file of some system"},
          {"aclImdb/train/neg/10_2.txt", "Poor."},
          {"aclImdb/test/pos/0_10.txt", "Great."},
          {"aclImdb/test/neg/0_1.txt", "Awful."}};
}

TextCorpus parse(Pack as, const std::vector<PackedFile>& files) { return parse_imdb(pack(as, files), "f"); }

}  // namespace

TEST_CASE("imdb_50k.csv.xz is 50,000 reviews, half positive, and the CSV it was made from") {
  const auto path = NEED_DATA("imdb_50k.csv.xz");
  const TextCorpus& corpus = whole_imdb(path);
  CHECK(corpus.rows() == 50000);
  CHECK(std::count(corpus.labels.begin(), corpus.labels.end(), 1) == 25000);
  CHECK(std::count(corpus.labels.begin(), corpus.labels.begin() + 10000, 1) == 5002);
  CHECK(corpus.path == path.string());
  CHECK(corpus.entry.empty());
  CHECK(corpus.sha256 == "eff33b205dba77d22fa0d03a16951ddee07b91e68fc00b83c683d449619633a2");
  CHECK(sha256_hex(imdb_as_csv(corpus)) == corpus.sha256);  // nothing trimmed, nothing lost
}

TEST_CASE("reviews in the layout of the original release come in the order of imdb_50k.csv") {
  const auto path = NEED_DATA("imdb_50k.csv.xz"), index_path = NEED_DATA("imdb_50k_index.csv.xz");
  TextCorpus corpus = whole_imdb(path);
  corpus.texts.resize(1000);
  corpus.labels.resize(1000);
  const std::string index = read_xz(index_path);
  CsvReader rows(index, "index", {.columns = 6});
  rows.next();
  std::vector<PackedFile> files;
  for (size_t i = 0; i < corpus.texts.size(); ++i) {
    REQUIRE(rows.next());
    const auto f = rows.fields();
    files.push_back({"aclImdb/" + std::string(f[1]) + "/" + std::string(f[2].substr(0, 3)) + "/" +
                         std::string(f[3]) + "_" + std::string(f[4]) + ".txt",
                     corpus.texts[i]});
  }
  Rng(1).shuffle(files.begin(), files.end());
  files.insert(files.begin() + 500, {"aclImdb/train/labeledBow.feat", "9 0:9 1:1"});
  const std::string archive = pack(Pack::TarGz, files);
  const TextCorpus read = parse_imdb(archive, "aclImdb_v1.tar.gz");
  CHECK(read.texts == corpus.texts);
  CHECK(read.labels == corpus.labels);
  CHECK(read.sha256 == sha256_hex(archive));
  CHECK(read.source() == "aclImdb_v1.tar.gz");
}

TEST_CASE("the shape is told by content: CSV with or without quotes, BOM and CRLF, in xz, gz, zip, tar.gz") {
  check_small(parse_imdb(kCsv, "f"));
  std::string other = "\xEF\xBB\xBF\"Review\",\"Sentiment\"\n" + kCsv.substr(kCsv.find('\n') + 1);
  for (size_t at = 0; (at = other.find('\n', at)) != std::string::npos; at += 2) other.insert(at, "\r");
  check_small(parse_imdb(other, "f"));
  check_small(parse(Pack::Xz, {{"", kCsv}}));
  check_small(parse(Pack::Gz, {{"", kCsv}}));
  const TextCorpus zipped = parse(Pack::Zip, {{"readme", "x"}, {"archive/IMDB Dataset.csv", kCsv}});
  check_small(zipped);
  CHECK(zipped.entry == "archive/IMDB Dataset.csv");
  CHECK(zipped.sha256 == sha256_hex(kCsv));  // the identity of the data does not depend on the wrapping
  check_small(parse(Pack::TarGz, {{"imdb_50k.csv", kCsv}}));
}

TEST_CASE("the release's unlabelled reviews, lists and hidden files are passed over") {
  for (const Pack as : {Pack::TarGz, Pack::Tar, Pack::Zip}) {
    const TextCorpus corpus = parse(as, release());
    REQUIRE(corpus.rows() == 4);
    for (size_t i = 0; i < 4; ++i) {
      const bool good = corpus.texts[i] == "Fine." || corpus.texts[i] == "Great.";
      CHECK(corpus.labels[i] == (good ? 1 : 0));
    }
    CHECK(corpus.entry.empty());
  }
}

TEST_CASE("names in an archive are names only: a path that leads out of it writes nothing") {
  const TemporaryFolder folder;
  const std::string outside = (folder / "train/neg/1_1.txt").string();
  const TextCorpus corpus = parse(Pack::TarGz, {{"../../../train/pos/0_9.txt", "Fine."}, {outside, "Poor."}});
  CHECK(corpus.rows() == 2);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("another header, another number of columns and a third label are reported with their line") {
  const std::string wanted = "f, line 1: not an IMDB corpus; wanted is CSV with the header review,sentiment";
  for (const char* bytes : {"text,label\na,positive\n", "review,sentiment,x\na,positive,1\n", "a,positive\n",
                            "review\na\n", "\"review,sentiment\na,positive\n", "{}"})
    CHECK_ERROR(ErrorKind::Data, wanted, parse_imdb(bytes, "f"));
  CHECK_ERROR(ErrorKind::Data, wanted, parse_imdb(std::string(10'000'000, 'x'), "f"));
  const std::string head = "review,sentiment\na,positive\n";
  CHECK_ERROR(ErrorKind::Data, "f, line 3: unknown label 'neutral', valid are 'negative' and 'positive'",
              parse_imdb(head + "b,neutral\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 6: unknown label 'Positive'",
              parse_imdb(head + "\"b\n\nb\",negative\nc,Positive\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 3: 2 columns wanted, 3 found",
              parse_imdb(head + "b, c,negative\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 3: 2 columns wanted, 1 found", parse_imdb(head + "b\n", "f"));
}

TEST_CASE("an empty review is reported with its line or entry") {
  CHECK_ERROR(ErrorKind::Data, "f, line 3: the review is empty",
              parse_imdb("review,sentiment\na,positive\n\"\",negative\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f, line 2: the review is empty",
              parse_imdb("review,sentiment\n\" \xC2\xA0\t\",positive\na,negative\n", "f"));
  auto files = release();
  files.push_back({"aclImdb/test/neg/1_1.txt", ""});
  CHECK_ERROR(ErrorKind::Data, "f: entry 'aclImdb/test/neg/1_1.txt' is empty", parse(Pack::TarGz, files));
  files.back().bytes = "\n";
  CHECK_ERROR(ErrorKind::Data, "f (aclImdb/test/neg/1_1.txt): the review is empty",
              parse(Pack::TarGz, files));
}

TEST_CASE("bytes that are not UTF-8 are reported with line or entry, and offset") {
  CHECK_ERROR(ErrorKind::Data, "f, line 3: byte 30 of the file is not valid UTF-8",
              parse_imdb("review,sentiment\na,positive\nb \xE9t\xE9,negative\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f: byte 21 is NUL: this is binary data or UTF-16",
              parse_imdb("review,sentiment\na,po" + std::string(1, '\0'), "f"));
  auto files = release();
  files.push_back({"aclImdb/train/pos/7_8.txt", "caf\xE9"});
  CHECK_ERROR(ErrorKind::Data, "f (aclImdb/train/pos/7_8.txt): byte 3 is not valid UTF-8",
              parse(Pack::TarGz, files));
}

TEST_CASE("a CSV that is cut, inside quotes or elsewhere, is reported or has whole rows only") {
  CHECK_ERROR(ErrorKind::Data, "f, line 2: a quote is opened here and never closed",
              parse_imdb(kCsv.substr(0, 30), "f"));
  for (size_t length = 0; length < kCsv.size(); ++length) {
    try {
      const TextCorpus corpus = parse_imdb(kCsv.substr(0, length), "f");
      CHECK(length == kCsv.size() - 1);  // the last line lacks its end only
      check_small(corpus);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
    }
  }
}

TEST_CASE("an archive that is cut, holds no reviews, a review twice or a stray file is reported") {
  const std::string archive = pack(Pack::TarGz, release());
  for (const size_t cut : {archive.size() - 1, archive.size() / 2, size_t{20}})
    CHECK_ERROR(ErrorKind::Data, "f: the archive is truncated or damaged",
                parse_imdb(archive.substr(0, cut), "f"));
  CHECK_ERROR(ErrorKind::Data,
              "f: neither reviews (train/pos/0_9.txt, ...) nor imdb_50k.csv or 'IMDB Dataset.csv' in the "
              "archive, which holds aclImdb/README, pos/0_9.txt",
              parse(Pack::TarGz, {{"aclImdb/README", "x"}, {"pos/0_9.txt", "Fine."}}));
  CHECK_ERROR(ErrorKind::Data, "in the archive, which holds nothing", parse(Pack::Zip, {}));
  auto files = release();
  files.push_back({"copy/train/pos/0_9.txt", "Fine."});
  CHECK_ERROR(ErrorKind::Data, "f: the archive holds train/pos/0_9.txt twice", parse(Pack::TarGz, files));
  for (const char* name : {"notes.txt", "0_9.text", "09.txt", "_9.txt", "0_.txt", "0_9x.txt"}) {
    files.back().name = std::string("aclImdb/test/pos/") + name;
    CHECK_ERROR(ErrorKind::Data, "f (" + files.back().name + "): not named like a review, which is <number>_",
                parse(Pack::TarGz, files));
  }
}

TEST_CASE("no rows and one class only are refused") {
  CHECK_ERROR(ErrorKind::Data, "f: no rows are left", parse_imdb("review,sentiment\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f: all 2 rows are labelled 'positive'; at least two classes are needed",
              parse_imdb("review,sentiment\na,positive\nb,positive\n", "f"));
  CHECK_ERROR(ErrorKind::Data, "f: all 1 rows are labelled 'positive'",
              parse(Pack::TarGz, {{"train/pos/0_9.txt", "Fine."}, {"train/unsup/1_0.txt", "x"}}));
}

TEST_CASE("a folder is searched for the CSV, its xz, Kaggle's CSV, then the release") {
  const TemporaryFolder folder;
  CHECK_ERROR(ErrorKind::Data, "the folder holds none of imdb_50k.csv, imdb_50k.csv.xz, IMDB Dataset.csv",
              read_imdb(folder.path()));
  const auto found = [&] { return std::filesystem::path(read_imdb(folder.path()).path).filename().string(); };
  write_file(folder / "aclImdb_v1.tar.gz", pack(Pack::TarGz, release()));
  CHECK(found() == "aclImdb_v1.tar.gz");
  write_file(folder / "IMDB Dataset.csv", kCsv);
  CHECK(found() == "IMDB Dataset.csv");
  write_file(folder / "imdb_50k.csv.xz", pack(Pack::Xz, {{"", kCsv}}));
  CHECK(found() == "imdb_50k.csv.xz");
  write_file(folder / "imdb_50k.csv", kCsv);
  CHECK(found() == "imdb_50k.csv");
  CHECK_ERROR(ErrorKind::Data, "no such file", read_imdb(folder / "none"));
}

TEST_CASE("reviews with random damage are read or refused as bad data") {
  Rng rng(15);
  int64_t refused = 0;
  const std::string archive = pack(Pack::Tar, release());
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = round % 4 ? kCsv : archive;
    for (uint64_t n = 1 + rng.below(3); n > 0; --n)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next_u32());
    try {
      const TextCorpus corpus = parse_imdb(bytes, "f");
      CHECK(corpus.texts.size() == corpus.labels.size());
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
      ++refused;
    }
  }
  CHECK(refused > 1000);
}
